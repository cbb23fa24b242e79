"""The dashboard as a person meets it: served by the real launcher, opened in Debian's Chromium.

Every page is watched: a console error, a script error or a failed request fails the test that opened it.
"""

import os
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Response, sync_playwright

from durascope_dashboard import launch
from durascope_dashboard.demo.dev_server import free_port
from tests.dashboard import synthetic

CHROMIUM: Final = "/usr/bin/chromium"
FLAGS: Final = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
WAIT_MS: Final = 40_000  # two cores, shared with the server and with other tests


@dataclass
class Served:
    """A running dashboard; ``url`` without a slash at the end."""

    url: str
    process: subprocess.Popen[bytes]


def serve(store: Path | None, *, server: str | None = None, **env: str) -> Served:
    """Start a dashboard on a store file or a collector; stop it with :func:`stop`."""
    port = free_port()
    clean = {k: v for k, v in os.environ.items() if not k.startswith("DURASCOPE_")}
    process = subprocess.Popen(
        launch.command(port), env={**clean, **launch.environment(server, store), **env},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return wait_until_up(Served(f"http://127.0.0.1:{port}", process))


def wait_until_up(served: Served) -> Served:
    """Until Streamlit answers. Raises RuntimeError after 30 s."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and served.process.poll() is None:
        try:
            with urllib.request.urlopen(f"{served.url}/_stcore/health", timeout=1):
                return served
        except OSError:
            time.sleep(0.05)  # not up yet
    stop(served)
    raise RuntimeError(f"the server did not answer at {served.url} within 30 s")


def stop(served: Served) -> None:
    """Stop it and wait until it is gone."""
    served.process.terminate()
    try:
        served.process.wait(10)
    except subprocess.TimeoutExpired:
        served.process.kill()
        served.process.wait(10)


@pytest.fixture(scope="session")
def fleet_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store file with `synthetic.fleet`."""
    path = tmp_path_factory.mktemp("browser") / "fleet.duckdb"
    moment = synthetic.now()
    synthetic.write(path, synthetic.fleet(moment), moment)
    return path


@pytest.fixture(scope="session")
def dashboard(fleet_store: Path) -> Iterator[str]:
    """URL of a dashboard on the fleet."""
    served = serve(fleet_store)
    yield served.url
    stop(served)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. A module's, not the session's: while Playwright runs, its thread has an event loop of its own."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield found
        found.close()


@dataclass
class Watch:
    """What went wrong in the pages of one test."""

    problems: list[str] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        """Note every error of a page."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        page.on("dialog", lambda dialog: self.problems.append(f"dialog: {dialog.message}"))
        page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.problems.append(f"console: {message.text}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.problems.append(f"{response.status}: {response.url}")


OpenTab = Callable[..., Page]


@pytest.fixture
def open_tab(browser: Browser, dashboard: str) -> Iterator[OpenTab]:
    """``open_tab("/run?workflow_id=x", dark=True, width=1280)``: a fresh tab; at the end no tab may have an error."""
    watch = Watch()
    contexts = []

    def opened(path: str, *, dark: bool = False, width: int = 1280, height: int = 720, base: str = "") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light",
            accept_downloads=True,
        )  # fmt: skip
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        watch.follow(page)
        page.goto((base or dashboard) + path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert watch.problems == []


def timeline(page: Page) -> Locator:
    """The timeline, painted."""
    found = page.locator(".ds[data-painted]")
    found.wait_for()
    return found
