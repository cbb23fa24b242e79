"""The same workflow side by side: in the web UI that comes with Temporal's dev server, and on the Run page.

A workflow of many small activities runs on a real dev server; its history is read into a store as a run known from
history alone (nothing else knows it in Temporal's UI either). Both pages are then opened in the same browser.
"""

import asyncio
import statistics
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

from durascope.history import read_history
from durascope_dashboard.collector.ingest import Ingest
from durascope_dashboard.demo.dev_server import DevServer
from durascope_dashboard.store.duckdb_store import DuckStore

BATCH: Final = 50
ID: Final = "many-steps"
PATIENCE_MS: Final = 180_000

# Scrolls the longest list on the page and answers the times from frame to frame.
SCROLL: Final = """async () => {
  const all = [...document.querySelectorAll('*')];
  const inner = all.map((e) => e.shadowRoot?.querySelector('.scroll') ?? null).filter(Boolean);
  const own = document.querySelector('.ds .scroll') ?? inner[0];
  const longest = all.reduce((best, e) => (e.clientHeight > 200 &&
    e.scrollHeight - e.clientHeight > best.scrollHeight - best.clientHeight ? e : best), document.scrollingElement);
  const frame = () => new Promise(requestAnimationFrame), gaps = [], list = own ?? longest;
  await frame(); await frame();
  let last = await frame();
  for (let step = 0; step < 60; step++) {
    list.scrollBy(0, 240);
    const now = await frame();
    gaps.push(now - last);
    last = now;
  }
  return gaps;
}"""


@activity.defn
async def step(number: int) -> int:
    """Nothing."""
    return number


@workflow.defn(sandboxed=False)
class ManySteps:
    """Activities, fifty at a time."""

    @workflow.run
    async def run(self, count: int) -> int:
        """All of them."""
        for first in range(0, count, BATCH):
            calls = (
                workflow.execute_activity(step, number, start_to_close_timeout=timedelta(seconds=60))
                for number in range(first, min(count, first + BATCH))
            )
            await asyncio.gather(*calls)
        return count


async def _run(address: str, activities: int, store: Path) -> str:
    """Run the workflow and read its history into a store; answers the run id."""
    client = await Client.connect(address)
    async with Worker(client, task_queue="bench", workflows=[ManySteps], activities=[step]):
        handle = await client.start_workflow(ManySteps.run, activities, id=ID, task_queue="bench")
        await handle.result()
    run_id = (await handle.describe()).run_id
    assert run_id is not None  # the server has just told its outcome
    history = await client.get_workflow_handle(ID, run_id=run_id).fetch_history()
    ingest = Ingest(DuckStore(store)).start()
    try:
        ingest.write_history([read_history(history.events, "default", ID, run_id)])
    finally:
        ingest.close()
    return run_id


def side_by_side(activities: int, repeats: int) -> dict[str, Any]:
    """Time to painted, worst frame on scrolling and size of the page, of both."""
    from benchmarks.ui import PAINTED, in_browser

    with DevServer(ui_port=0) as server, tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "same.duckdb"
        run_id = asyncio.run(_run(server.address, activities, store))
        theirs = f"http://127.0.0.1:{server.ui_port}/namespaces/default/workflows/{ID}/{run_id}/timeline"

        def both(browser: Browser, base: str, _: float) -> dict[str, Any]:
            return {
                "temporal": _figures(browser, theirs, "button span:text-is('step') >> nth=9", repeats),
                "durascope": _figures(browser, f"{base}/run?workflow_id={ID}&run_id={run_id}", PAINTED, repeats),
            }

        found = in_browser(both, Path(folder), store, repeats)
        return {"activities": activities, **found["runs"]}


def _figures(browser: Browser, url: str, painted: str, repeats: int) -> dict[str, Any]:
    from benchmarks.ui import VIEW, rounded, times

    times(browser, url, painted, 1)
    found = times(browser, url, painted, repeats)
    page: Page = browser.new_page(viewport=VIEW)  # type: ignore[arg-type]  # a plain dict is what it takes
    page.goto(url)
    page.locator(painted).first.wait_for(timeout=PATIENCE_MS)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(2000)  # both still arrange what stands below
    expand = page.locator('.ds button[data-act="expand"]')
    if expand.count():
        expand.click()  # all rows, as the other page shows them
    gaps = page.evaluate(SCROLL)
    nodes = page.evaluate("document.querySelectorAll('*').length")
    page.close()
    return {
        "painted_ms": rounded(found), "painted_median_ms": round(statistics.median(found)),
        "worst_scroll_frame_ms": round(max(gaps), 1), "median_scroll_frame_ms": round(statistics.median(gaps), 1),
        "dom_nodes": nodes,
    }  # fmt: skip
