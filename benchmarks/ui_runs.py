"""How fast the Runs page is on a large fleet: `python -m benchmarks.ui_runs --runs 250000 --out FILE`.

In Debian's Chromium, headless: time until the table of runs is drawn, over an empty Streamlit page, each in a fresh
browser profile on a server that is warm; the same for the troubles that need more than a scan; and the queries behind.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser

from benchmarks.ui import in_browser, machine, rounded, times
from durascope_dashboard.store.duckdb_store import DuckStore
from tests.dashboard import bulk, synthetic

# The table, or the words that take its place: this fleet has no missing heartbeat, but all of it is looked through.
DRAWN: Final = ".st-key-runs_table [data-painted], .stMainBlockContainer h3:has-text('No run matches')"
PATHS: Final = {
    "all": "/", "retrying": "/?trouble=Retrying+now", "no_heartbeat": "/?trouble=No+heartbeat",
    "most_wasted": "/?trouble=Most+wasted+tokens", "search": "/?text=run-00012",
}  # fmt: skip
BOUND_MS: Final = 1500


def opened(browser: Browser, base: str, empty_ms: float, repeats: int, pages: list[str]) -> dict[str, Any]:
    """Time of each address until its table stands."""
    found = {}
    for name in pages:
        path = PATHS[name]
        times(browser, base + path, DRAWN, 1)  # the server has answered it once
        taken = times(browser, base + path, DRAWN, repeats)
        median = statistics.median(taken)
        found[name] = {"drawn_ms": rounded(taken), "over_empty_ms": round(median - empty_ms)}
    return found


def queries(store: Path, repeats: int) -> dict[str, int]:
    """Median ms of what the page asks, at the store itself."""
    asked: dict[str, tuple[str, dict[str, Any]]] = {
        "runs": ("runs", {"limit": 100}), "runs_wasted": ("runs", {"view": "wasteful", "order": "cost_wasted"}),
        "run_totals": ("run_totals", {}), "facets": ("facets", {}), "search": ("runs", {"text": "run-00012"}),
    }  # fmt: skip
    found = {}
    opened_store = DuckStore(store, read_only=True)
    try:
        for label, (name, params) in asked.items():
            taken = []
            for _ in range(repeats):
                begun = time.perf_counter()
                opened_store.query(name, **params)
                taken.append((time.perf_counter() - begun) * 1000)
            found[label] = round(statistics.median(taken))
    finally:
        opened_store.close()
    return found


def main() -> int:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=250_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--pages", nargs="+", choices=PATHS, default=list(PATHS))
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "runs.duckdb"
        begun = time.perf_counter()
        bulk.write(store, given.runs, synthetic.now())
        made = round(time.perf_counter() - begun, 1)
        result: dict[str, Any] = {
            "machine": machine(), "fleet_runs": given.runs, "bound_over_empty_ms": BOUND_MS, "store_made_s": made,
            "store_mb": round(store.stat().st_size / 1e6), "query_ms": queries(store, given.repeats),
            **in_browser(lambda browser, base, empty: opened(browser, base, empty, given.repeats, given.pages),
                         Path(folder), store, given.repeats),
        }  # fmt: skip
    result["pages"] = result.pop("runs")
    text = json.dumps(result, indent=1)
    print(text)
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
