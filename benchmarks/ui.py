"""How fast the Run page is: `python -m benchmarks.ui --segments 10000 20000 --out benchmarks/results/ui.json`.

In Debian's Chromium, headless, without a GPU, each figure from a fresh browser profile on a server that is warm:
time until the timeline is painted, over an empty Streamlit page; the worst frame of 60 steps of zooming and panning;
from a click to the details of what was clicked. With --temporal the same workflow is run on a real dev server and is
opened in Temporal's own web UI and here.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, sync_playwright

from durascope_dashboard import launch
from durascope_dashboard.demo.dev_server import free_port
from tests.browser.conftest import CHROMIUM, FLAGS, Served, serve, stop, wait_until_up
from tests.dashboard import synthetic
from tests.dashboard.long_runs import long_run

EMPTY: Final = 'import streamlit as st\n\nst.set_page_config(layout="wide")\nst.markdown("empty")\n'
VIEW: Final = {"width": 1440, "height": 900}
PAINTED: Final = ".ds[data-painted]"
BOUNDS: Final = {"over_empty_ms": 700, "worst_frame_ms": 33.4, "click_ms": 250}

# Each step waits for its frame, as a person's wheel would; what is measured is the time from frame to frame.
ZOOM: Final = """async () => {
  const all = [...document.querySelectorAll('*')].map((e) => e.shadowRoot?.querySelector('.ds') ?? null);
  const root = document.querySelector('.ds') ?? all.find(Boolean);
  const canvas = root.querySelector('canvas'), box = canvas.getBoundingClientRect();
  const frame = () => new Promise(requestAnimationFrame), gaps = [];
  await frame(); await frame();
  let last = await frame();
  for (let step = 0; step < 60; step++) {
    const deltaY = step < 20 ? -120 : step < 40 ? 120 : 60, zoom = step < 40;
    canvas.dispatchEvent(new WheelEvent('wheel', { deltaY, ctrlKey: zoom, shiftKey: !zoom, bubbles: true,
      cancelable: true, clientX: box.x + box.width * 0.6, clientY: box.y + 200 }));
    const now = await frame();
    gaps.push(now - last);
    last = now;
  }
  return gaps;
}"""

# When the button went up, and when the words beside the timeline were other ones.
WATCH: Final = """() => {
  const details = document.querySelector('.st-key-details'), before = details.innerText;
  window.clicked = window.changed = 0;
  window.addEventListener('pointerup', () => { window.clicked = performance.now(); }, { capture: true, once: true });
  const seen = new MutationObserver(() => {
    if (!window.clicked || details.innerText === before) return;
    window.changed = performance.now();
    seen.disconnect();
  });
  seen.observe(details, { childList: true, subtree: true, characterData: true });
}"""


def empty_app(folder: Path) -> Served:
    """A server as Streamlit itself makes it, whose page is one word, with the dashboard's own options."""
    script = folder / "empty.py"
    script.write_text(EMPTY)
    port = free_port()
    command = [str(script) if part == str(launch.APP) else part for part in launch.command(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return wait_until_up(Served(f"http://127.0.0.1:{port}", process))


def times(browser: Browser, url: str, selector: str, repeats: int) -> list[float]:
    """ms from asking for the page until the selector is there, each in a fresh profile."""
    found = []
    for _ in range(repeats):
        context = browser.new_context(viewport=VIEW)  # type: ignore[arg-type]  # a plain dict is what it takes
        page = context.new_page()
        begun = time.perf_counter()
        page.goto(url, wait_until="commit")
        page.locator(selector).first.wait_for(timeout=120_000)
        found.append((time.perf_counter() - begun) * 1000)
        context.close()
    return found


def clicks(page: Page, repeats: int) -> list[float]:
    """ms from a click on a row until its details are on the page, by the page's own clock."""
    found = []
    for row in range(2, 2 + repeats):
        page.evaluate(WATCH)
        page.locator(".ds canvas").click(position={"x": 180, "y": 68 + 22 * row + 11})
        page.wait_for_function("window.changed > 0", polling=10)
        found.append(float(page.evaluate("window.changed - window.clicked")))
        page.wait_for_timeout(300)  # what comes after the details belongs to this click, not to the next
    return found


def one_size(browser: Browser, base: str, workflow_id: str, empty_ms: float, repeats: int) -> dict[str, Any]:
    """All three figures of one run."""
    url = f"{base}/run?workflow_id={workflow_id}"
    times(browser, url, PAINTED, 1)  # the server has read the run once
    painted = times(browser, url, PAINTED, repeats)
    page = browser.new_page(viewport=VIEW)  # type: ignore[arg-type]  # a plain dict is what it takes
    page.goto(url)
    timeline = page.locator(PAINTED)
    timeline.wait_for()
    page.wait_for_load_state("networkidle")
    segments = int(timeline.get_attribute("data-segments") or 0)
    frames = {"collapsed": page.evaluate(ZOOM)}
    page.locator('.ds button[data-act="expand"]').click()
    frames["expanded"] = page.evaluate(ZOOM)
    clicked = clicks(page, 10)
    nodes = page.evaluate("document.querySelectorAll('*').length")
    page.close()
    median = statistics.median(painted)
    return {
        "segments": segments, "painted_ms": rounded(painted), "painted_median_ms": round(median),
        "over_empty_ms": round(median - empty_ms), "dom_nodes": nodes,
        "worst_frame_ms": {name: round(max(gaps), 1) for name, gaps in frames.items()},
        "median_frame_ms": {name: round(statistics.median(gaps), 1) for name, gaps in frames.items()},
        "click_ms": rounded(clicked), "click_median_ms": round(statistics.median(clicked)),
    }  # fmt: skip


def rounded(values: list[float]) -> list[int]:
    """Whole ms."""
    return [round(value) for value in values]


def machine() -> dict[str, Any]:
    """What it ran on."""
    version = subprocess.run([CHROMIUM, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return {"cores": os.cpu_count(), "python": platform.python_version(), "browser": version,
            "load_1m": round(os.getloadavg()[0], 1)}  # fmt: skip


def measure(sizes: list[int], repeats: int) -> dict[str, Any]:
    """Every size on one store."""
    with tempfile.TemporaryDirectory() as folder:
        store, moment = Path(folder) / "ui.duckdb", synthetic.now()
        stories = [long_run(f"long-{size}", moment - 90_000 * synthetic.S, size) for size in sizes]
        synthetic.write(store, stories, moment)
        return in_browser(
            lambda browser, base, empty_ms: [
                one_size(browser, base, f"long-{size}", empty_ms, repeats) for size in sizes
            ],
            Path(folder), store, repeats,
        )  # fmt: skip


def in_browser(
    work: Callable[[Browser, str, float], Any], folder: Path, store: Path, repeats: int
) -> dict[str, Any]:  # fmt: skip
    """Run ``work(browser, url, median of the empty page in ms)`` between servers that are up."""
    empty, dashboard = empty_app(folder), serve(store)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
            times(browser, empty.url, "text=empty", 1)
            blank = times(browser, empty.url, "text=empty", repeats)
            found = work(browser, dashboard.url, statistics.median(blank))
            browser.close()
    finally:
        stop(empty)
        stop(dashboard)
    return {"empty_page_ms": rounded(blank), "runs": found}


def main() -> int:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, nargs="+", default=[10_000, 20_000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--temporal", type=int, default=0, metavar="ACTIVITIES", help="compare with Temporal's web UI")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    result: dict[str, Any] = {"machine": machine(), "bounds": BOUNDS, **measure(given.segments, given.repeats)}
    if given.temporal:
        from benchmarks.ui_temporal import side_by_side

        result["temporal_web_ui"] = side_by_side(given.temporal, given.repeats)
    text = json.dumps(result, indent=1)
    print(text)
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
