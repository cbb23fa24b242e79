"""What a browser gets before it has asked for anything of ours: the first page, and files from memory."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
import streamlit as st

from durascope_dashboard import page_files
from durascope_dashboard.links import PAGES
from durascope_dashboard.page_files import STATIC, FromMemory, Message, Receive, Send

SCRIPT = next(file for file in (STATIC / "static" / "js").glob("index.*.js"))


async def streamlit(scope: Message, receive: Receive, send: Send) -> None:
    """Stands behind: answers everything with 418."""
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    """Asks the middleware."""
    transport = httpx.ASGITransport(FromMemory(streamlit))
    async with httpx.AsyncClient(transport=transport, base_url="http://dashboard") as client:
        yield client


@pytest.mark.parametrize("name", ["", *(name for name, _, _ in PAGES)])
async def test_each_page_says_at_once_what_it_needs(browser: httpx.AsyncClient, name: str) -> None:
    """Our style, after Streamlit's own; where the server is; and only scripts that there are, each once."""
    answer = await browser.get(f"/{name}")
    assert answer.headers["content-type"] == "text/html" and answer.headers["cache-control"] == "no-cache"
    assert answer.text.index("<body>") < answer.text.index(".stMainBlockContainer") < answer.text.index('id="root"')
    assert answer.text.index("BACKEND_BASE_URL") < answer.text.index("index.")
    named = re.findall(r'href="./static/js/([^"]+)"', answer.text)
    assert len(named) == len(set(named))
    assert all((STATIC / "static" / "js" / script).is_file() for script in named)


def test_the_scripts_of_the_first_elements_are_named_with_all_that_they_import() -> None:
    """The component that draws the table, and what reads its data."""
    found = page_files.scripts(("BidiComponent",), ())
    assert found[0].startswith("BidiComponent.") and any(script.startswith("serialization.") for script in found)
    assert page_files.scripts(("NoSuchElement",), ()) == []
    for elements in page_files.ELEMENTS.values():
        for element in elements:
            assert page_files.scripts((element,), ()), element


async def test_a_file_is_kept_by_the_browser_and_is_what_it_was(browser: httpx.AsyncClient) -> None:
    """Twice the same bytes, for a year."""
    for _ in range(2):
        answer = await browser.get(f"/static/js/{SCRIPT.name}")
        assert answer.content == SCRIPT.read_bytes()
        assert "immutable" in answer.headers["cache-control"] and "javascript" in answer.headers["content-type"]


@pytest.mark.parametrize(
    "path", ["/static/../../config.py", "/static/js/none.js", "/_stcore/health", "/no-page", "/run/"]
)
async def test_all_else_is_left_to_streamlit(browser: httpx.AsyncClient, path: str) -> None:
    """Also whatever tries to leave the folder, and every request that is not a GET."""
    assert (await browser.get(path)).status_code == 418
    assert (await browser.post("/")).status_code == 418


async def test_a_page_below_a_path_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `server.baseUrlPath` the same files are below it."""
    monkeypatch.setattr(st, "get_option", lambda name: "observe" if name == "server.baseUrlPath" else None)
    transport = httpx.ASGITransport(FromMemory(streamlit))
    async with httpx.AsyncClient(transport=transport, base_url="http://dashboard") as client:
        assert (await client.get("/observe/run")).status_code == 200
        assert (await client.get(f"/observe/static/js/{SCRIPT.name}")).status_code == 200
