"""Streamlit's scripts, fonts and styles, answered from memory; and its first page, which says at once what it needs.

Streamlit opens each of a page's hundred files anew for each browser, and the browser hears of most of them one after
the other: first the page's own scripts, then where the server is, then each kind of element as it comes.
"""

import mimetypes
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import streamlit as st

from durascope_dashboard import theme
from durascope_dashboard.links import PAGES

STATIC: Final = Path(st.__file__).parent / "static"
# By page: the elements that nearly all of its visitors see. Streamlit loads the script of each when it first comes.
ELEMENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "": ("ButtonGroup", "TextInput", "Multiselect", "Selectbox", "Checkbox", "Html", "BidiComponent", "DownloadButton"),
    "run": ("Html", "BidiComponent", "DownloadButton", "PageLink"),
}
# Otherwise a page at /run first asks whether the server lives at /run/, waits, and then asks at /.
SERVER: Final = '<script>window.__streamlit = { BACKEND_BASE_URL: new URL("./", location.href).href };</script>'
# Of each tone both colours: a reader may change from light to dark without the server's hearing of it.
TONES: Final = "".join(f".ds-{tone} {{ color: light-dark({theme.LIGHT[tone]}, {theme.DARK[tone]}); }}\n"
                       for tone in ("accent", "good", "bad", "timer", "muted"))  # fmt: skip
STYLE: Final = f"<style>{Path(__file__).with_name('page.css').read_text('utf-8')}{TONES}</style>"
HISTORY: Final = f"<script>\n{Path(__file__).with_name('history.js').read_text('utf-8')}</script>"
_IMPORT: Final = re.compile(r'(?:from|import)\s*"\./([^"]+\.js)"')
_KEPT: Final = (b"cache-control", b"public, immutable, max-age=31536000")  # their names hold their hash
_ASKED_ANEW: Final = (b"cache-control", b"no-cache")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
Answer = tuple[list[tuple[bytes, bytes]], bytes]


@cache
def _files() -> dict[str, Path]:
    """``/static/js/x.js`` -> its file. What is not in here is not answered from here, whatever a path says."""
    return {f"/{file.relative_to(STATIC).as_posix()}": file for file in STATIC.glob("static/**/*") if file.is_file()}


def scripts(elements: Iterable[str], known: Iterable[str]) -> list[str]:
    """File names of these elements' scripts and of all that they import, without those that are ``known``."""
    folder = STATIC / "static" / "js"
    seen = set(known)
    found: list[str] = []
    waiting = [file.name for name in elements for file in sorted(folder.glob(f"{name}.*.js"))]
    while waiting:
        if (name := waiting.pop(0)) not in seen:
            seen.add(name)
            found.append(name)
            waiting += _IMPORT.findall((folder / name).read_text("utf-8"))
    return found


def first_page(name: str) -> str:
    """Streamlit's index.html for one of our pages. Of another Streamlit, where nothing of this is found, as it is."""
    text = (STATIC / "index.html").read_text("utf-8")
    known = re.findall(r'static/js/([^"/]+\.js)"', text)
    links = [f'<link rel="modulepreload" crossorigin href="./static/js/{script}">'
             for script in scripts(ELEMENTS.get(name, ()), known)]  # fmt: skip
    for before, after in (
        ("<head>", f"<head>\n{SERVER}\n{HISTORY}"),
        ("</head>", "\n".join([*links, "</head>"])),
        ("<body>", f"<body>\n{STYLE}"),
    ):  # Streamlit's own styles go into the head: ours come after
        text = text.replace(before, after, 1)
    return text


class FromMemory:
    """ASGI middleware before Streamlit's own: answers what it knows and passes on everything else."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._base = "/".join(["", *filter(None, [str(st.get_option("server.baseUrlPath")).strip("/")])])
        names = ["", *(name for name, _, _ in PAGES)]
        self._pages = {f"/{name}": _answer(first_page(name).encode(), "index.html", _ASKED_ANEW) for name in names}
        self._kept: dict[str, Answer] = {}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request."""
        found = (
            self._found(scope["path"].removeprefix(self._base))
            if scope["type"] == "http" and scope["method"] == "GET"
            else None
        )
        if found is None:
            await self._app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": found[0]})
        await send({"type": "http.response.body", "body": found[1]})

    def _found(self, path: str) -> Answer | None:
        if path not in self._kept and (file := _files().get(path)) is not None:
            self._kept[path] = _answer(file.read_bytes(), file.name, _KEPT)
        return self._kept.get(path) or self._pages.get(path)


def _answer(body: bytes, name: str, cached: tuple[bytes, bytes]) -> Answer:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    headers = {b"content-type": kind.encode(), b"content-length": str(len(body)).encode(),
               b"x-content-type-options": b"nosniff"}  # fmt: skip
    return [cached, *headers.items()], body
