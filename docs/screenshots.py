"""Takes the documentation's pictures from the demo, so that they never go stale: `python docs/screenshots.py`.

It runs `durascope demo` on free ports until there is trouble, and a run of each sample, to show, opens every page in
Chromium and writes docs/pictures/*.png; then it stops all it has started. ``--only samples run`` takes a part of them,
to go on where it was cut short; ``--all DIRECTORY`` every page, light and dark, 1280 and 1920 wide, for looking at.
"""

import argparse
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, sync_playwright

from durascope_dashboard import links
from durascope_dashboard.demo.ports import Ports
from durascope_dashboard.demo.run import run_demo
from durascope_dashboard.reader import Reader, connect

PICTURES: Final = Path(__file__).with_name("pictures")
CHROMIUM: Final = "/usr/bin/chromium"
PATIENCE_S: Final = 60
MOST_S: Final = 300.0
ASK_S: Final = 3.0
SETTLE_MS: Final = 1500  # charts and canvases draw after the page says that it is done
SAMPLES: Final = {  # folder of sample_workflows -> the workflow type that shows it best
    "agent_configuration": "TripWorkflow", "child_workflows": "BatchWorkflow", "conversation": "ConversationWorkflow",
    "error_recovery": "DiagnosisWorkflow", "failure_isolation": "BookingWorkflow",
    "implicit_activities": "PoemWorkflow", "observable": "ObservableWorkflow", "performance": "ReviewsWorkflow",
    "research": "ResearchWorkflow", "resources": "SurveyWorkflow", "retries": "ParcelWorkflow",
    "scaling": "BriefingWorkflow", "security": "AccountWorkflow", "worker_configuration": "TranslateWorkflow",
}  # fmt: skip
HEIGHT: Final = {1280: 800, 1440: 900, 1920: 1080}


def found(reader: Reader, **params: Any) -> list[dict[str, Any]]:
    """Rows of the query ``runs``."""
    return list(reader.query("runs", **params).to_pylist())


class TooEarly(Exception):
    """What a picture is to show has not happened yet; the message says what."""


def addresses(reader: Reader) -> dict[str, str]:
    """Name of a page -> its address, with the run that has most to show, and a good one of its type beside it.

    Raises TooEarly.
    """
    rich = "operations > 8"  # agents at work, not a handful of steps
    troubled = found(reader, view="retried", status=["completed"], order="time_backoff_ms", where=rich, limit=1)
    if not troubled:
        raise TooEarly("no run of agents has been retried and completed")
    if not found(reader, view="retrying", limit=1):
        raise TooEarly("no run is being retried")
    bad = troubled[0]
    peers = found(reader, workflow_type=[bad["workflow_type"]], status=["completed"], order="retries", descending=False)
    good = next((row for row in peers if row["run_id"] != bad["run_id"]), bad)
    compare = links.page(
        "compare", a=bad["workflow_id"], a_run=bad["run_id"], b=good["workflow_id"], b_run=good["run_id"]
    )
    return {
        "runs": "/", "retrying": links.page("", trouble="Retrying now"), "run": links.run(bad), "compare": compare,
        "groups": links.page("compare", mode="Groups of runs", period="15 min"),
        "reliability": links.page("reliability", period="15 min"), "cost": links.page("cost", period="15 min"),
        "workers": links.page("workers", period="15 min"), "health": links.page("health", period="15 min"),
    }  # fmt: skip


def samples(reader: Reader) -> dict[str, str]:
    """Folder of a sample -> the address of the closed run of it that did most. Raises TooEarly."""
    pages = {}
    for folder, workflow_type in SAMPLES.items():
        runs = found(reader, workflow_type=[workflow_type], order="attempts", limit=20)
        closed = [row for row in runs if row["status"] != "running"]
        if not closed:
            raise TooEarly(f"no {workflow_type} has closed")
        pages[f"samples/{folder}"] = links.run(closed[0])
    return pages


def settled(page: Page) -> None:
    """Wait until the page is whole: its footer is there and nothing runs."""
    page.locator(".st-key-footer").wait_for()
    page.locator("[data-testid=stSkeleton]").first.wait_for(state="detached")
    page.wait_for_timeout(SETTLE_MS)


def shoot(browser: Browser, url: str, path: Path, *, dark: bool, width: int) -> None:
    """One picture."""
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHT[width]}, color_scheme="dark" if dark else "light"
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    page.goto(url)
    settled(page)
    page.screenshot(path=path)
    context.close()


def wanted(pages: dict[str, str], every: Path | None) -> Iterator[tuple[str, Path, bool, int]]:
    """(address, file, dark, width) of each picture."""
    if every is not None:
        for name, address in pages.items():
            for dark in (False, True):
                for width in (1280, 1920):
                    yield address, every / f"{name}-{'dark' if dark else 'light'}-{width}.png", dark, width
        return
    for name, address in pages.items():
        yield address, PICTURES / f"{name}.png", False, 1440
    for name in {"runs", "run"} & pages.keys():
        yield pages[name], PICTURES / f"{name}-dark.png", True, 1440


def chosen(pages: dict[str, str], only: list[str]) -> dict[str, str]:
    """The pages that are asked for by name or by folder; all if none is."""
    return {name: url for name, url in pages.items() if not only or name in only or name.split("/")[0] in only}


def all_pages(server: str, patience_s: float, *, with_samples: bool) -> dict[str, str]:
    """Every page's address, as soon as there is something on each. Raises SystemExit when that takes too long."""
    deadline = time.monotonic() + patience_s
    reader = connect(server)
    try:
        while True:
            try:
                return addresses(reader) | (samples(reader) if with_samples else {})
            except TooEarly as reason:
                if time.monotonic() > deadline:
                    raise SystemExit(f"{reason}, after all this time; is there traffic?") from None
                time.sleep(ASK_S)
    finally:
        reader.close()


def take(dashboard: str, server: str, every: Path | None, only: list[str]) -> None:
    """All pictures of a dashboard and its collector."""
    pages = chosen(all_pages(server, MOST_S, with_samples=not every), only)
    (every or PICTURES / "samples").mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for address, path, dark, width in wanted(pages, every):
            shoot(browser, dashboard + address, path, dark=dark, width=width)
            sys.stdout.write(f"{path}\n")
            sys.stdout.flush()
        browser.close()


class Photographer(threading.Thread):
    """Waits until the demo is up and has run for a while, takes the pictures, and ends the demo."""

    def __init__(self, ports: Ports, minutes: float, every: Path | None, only: list[str]) -> None:
        super().__init__(name="photographer", daemon=True)
        self.ports, self.minutes, self.every, self.only = ports, minutes, every, only
        self.up = threading.Event()
        self.error: BaseException | None = None

    def say(self, line: str) -> None:
        """What the demo says; its announcement means that everything is up."""
        sys.stdout.write(line + "\n")
        if line.startswith("Dashboard"):
            self.up.set()

    def run(self) -> None:
        """The thread's work."""
        self.up.wait()
        time.sleep(self.minutes * 60)
        try:
            base = "http://127.0.0.1"
            take(f"{base}:{self.ports.dashboard}", f"{base}:{self.ports.otlp_http}", self.every, self.only)
        except (Exception, SystemExit) as error:
            self.error = error  # raised in the main thread, once the demo has been stopped in order
        finally:
            os.kill(os.getpid(), signal.SIGTERM)


def main() -> int:
    """Run the demo and photograph it, or photograph what runs already."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.5, help="traffic before the first picture, at least")
    parser.add_argument("--rate", type=float, default=0.7, help="runs started a second")
    parser.add_argument("--all", type=Path, metavar="DIRECTORY", help="every page, light and dark, 1280 and 1920 wide")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="pages, or `samples`; the rest is kept")
    parser.add_argument("--dashboard", help="URL of a dashboard that runs already (with --server)")
    parser.add_argument("--server", help="URL of its collector")
    given = parser.parse_args()
    if given.dashboard:
        take(given.dashboard.rstrip("/"), given.server, given.all, given.only)
        return 0
    ports = Ports.free()
    photographer = Photographer(ports, given.minutes, given.all, given.only)
    photographer.start()
    with tempfile.TemporaryDirectory() as state:
        code = run_demo(ports=ports, directory=Path(state), rate=given.rate, say=photographer.say)
    if photographer.error is not None:
        raise photographer.error
    return code


if __name__ == "__main__":
    sys.exit(main())
