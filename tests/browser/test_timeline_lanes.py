"""A folded row shows the same lanes whether the server has left its rows out or the browser has folded them."""

import json

import pytest

from durascope_dashboard import inline
from durascope_dashboard.timeline.folding import _lanes
from durascope_dashboard.timeline.rows import Bar
from tests.browser.conftest import OpenTab
from tests.dashboard.test_timeline_payload import line

pytestmark = pytest.mark.browser
MODEL = """(([kinds, bars]) => {
  const of = (name) => bars.map((bar) => bar[name]);
  const model = { kind: ["turn", ...kinds], sRow: of("row"), sStart: of("start"), sEnd: of("end"),
    sKind: of("kind").map((kind) => K[kind]), first: [0, bars.length], until: [1] };
  const found = laneSpans(model, 0);
  return Object.fromEntries(Object.entries(found).map(([lane, spans]) => [lane, mergedSpans(spans, GAP)]));
})"""
GAP = 10.0
# In the order of the tree two branches come one after the other, though they ran side by side.
BRANCHES = (
    line("search", kind="tool", bars=(Bar("queue", 0, 5, 1), Bar("error", 5, 40, 1), Bar("ok", 400, 900, 2))),
    line("write", kind="model", bars=(Bar("ok", 905, 1200, 1),)),
    line("fetch", kind="tool", bars=(Bar("timeout", 2, 30, 1), Bar("lost", 35, 60, 2), Bar("ok", 300, 405, 3))),
    line("ask", kind="model", bars=(Bar("error", 45, 60, 1), Bar("ok", 100, 400, 2), Bar("running", 850, 908, 3))),
    line("note", kind="local_activity", bars=(Bar("ok", 1, 1, 1), Bar("cancelled", 500, 600, 1))),
)
LANES = {
    "lane_error": [[5, 60]], "lane_tool": [[300, 900]], "lane_model": [[100, 400], [850, 1200]],
    "lane_timeout": [[2, 60]], "lane_activity": [[1, 1], [500, 600]],
}  # fmt: skip


def test_parallel_branches_lose_nothing_on_the_server() -> None:
    """What ran is there from its start to its end, failures too, in whatever order rows come."""
    found: dict[str, list[list[float]]] = {}
    for bar in _lanes(BRANCHES, GAP):
        found.setdefault(bar.kind, []).append([bar.start, bar.end])
    assert found == LANES


def test_parallel_branches_lose_nothing_in_the_browser(open_tab: OpenTab) -> None:
    """The same case through the page's own script."""
    page = open_tab("/_stcore/health")
    script = inline.script("durascope_dashboard.timeline", ("model", "lanes"))
    bars = [{"row": n, **bar._asdict()} for n, row in enumerate(BRANCHES, 1) for bar in row.bars]
    kinds = [row.kind for row in BRANCHES]
    said = page.evaluate(
        f"(() => {{ {script}\n return {MODEL.replace('GAP', str(GAP))}({json.dumps([kinds, bars])}); }})()"
    )
    assert said == LANES
