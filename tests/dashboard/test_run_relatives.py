"""Where a run stands among others: its chain, its children, its parent; and the ways out to other tools."""

import random
import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from durascope import identity
from durascope_dashboard.analysis.frames import to_arrow
from durascope_dashboard.panels import run_tables, status
from tests.dashboard import synthetic
from tests.dashboard.conftest import OpenPage
from tests.dashboard.synthetic import S, Story

STRIP = re.compile('<nav class="ds-kin">(.*?)</nav>')
TAG = re.compile(r"<[^>]*>")


def link_of_chain(number: int, moment: int) -> Story:
    """One of forty runs of an entity workflow, each of which continued as the next."""
    story = Story("entity", "EntityWorkflow", moment - (4000 - 90 * number) * S)
    story.status = "completed" if number == 40 else "continued_as_new"
    story.run_id = f"run-{number:02d}"
    story.key = story.key | {"run_id": story.run_id}
    story.run_key = identity.RunKey(**story.key)
    story.extra = {"first_run_id": "run-01"}
    story.operation("look", "tool", None, [{"run": 1.0, "queue": 0.0}])
    return story


def family(moment: int) -> list[Story]:
    """A run with fifteen children, of which the fourteenth failed."""
    mother = Story("batch", "BatchWorkflow", moment - 100 * S)
    mother.wait(20.0, kind="child", name="DocumentWorkflow")
    mother.rows["history_operations"][-1] |= {"operation_id": "child:1", "detail": "batch/13"}
    children = []
    for number in range(15):
        status = "failed" if number == 13 else "completed"
        child = Story(f"batch/{number}", "DocumentWorkflow", mother.started + number * S, status=status)
        child.extra = {"parent_workflow_id": "batch", "parent_run_id": mother.run_id}
        if number == 13:
            child.extra |= {"failure_type": "EmptyDocument", "failure_message": "it has no title"}
        children.append(child)
    return [mother, *children]


@pytest.fixture(scope="module")
def relatives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the chain and the family."""
    path, moment = tmp_path_factory.mktemp("relatives") / "s.duckdb", synthetic.now()
    synthetic.write(path, [*(link_of_chain(n, moment) for n in range(1, 41)), *family(moment)], moment)
    return path


def strips(page: AppTest) -> list[str]:
    """The strips, as HTML."""
    return [strip for element in page.get("html") for strip in STRIP.findall(element.proto.body)]


def words(strip: str) -> list[str]:
    """What stands on a strip, piece by piece."""
    return [piece for piece in TAG.sub("\n", strip).split("\n") if piece]


def test_a_run_stands_between_its_neighbours(open_page: OpenPage, relatives: Path) -> None:
    """The first, two before, itself, two after, the newest; itself marked, the others links; totals over all forty."""
    (strip,) = strips(open_page("run", store=relatives, workflow_id="entity", run_id="run-31"))
    head, *pieces = words(strip)
    assert head == "Chain of 40 runs, 40.8 s in all"
    assert [piece.split(" ")[0] for piece in pieces] == ["1", "…", "29", "30", "31", "32", "33", "…", "40"]
    assert re.search('<b aria-current="page">31 ↻ 1.02 s</b>', strip)
    assert 'href="run?workflow_id=entity&amp;run_id=run-40" target="_self" title="entity ✓ completed"' in strip


def test_a_failed_child_comes_first(open_page: OpenPage, relatives: Path) -> None:
    """Of fifteen twelve are shown, in order but for what failed."""
    (strip,) = strips(open_page("run", store=relatives, workflow_id="batch"))
    head, *pieces = words(strip)
    assert head.startswith("15 child runs, ") and pieces[-1] == "and 3 more"
    assert [piece.split(" ")[0] for piece in pieces[:3]] == ["14", "1", "2"] and "✕" in pieces[0]


def test_a_child_leads_to_its_parent_and_says_once_why_it_failed(open_page: OpenPage, relatives: Path) -> None:
    """The paragraph has the reason, the line under the title no more; a failed run without a model has no table."""
    page = open_page("run", store=relatives, workflow_id="batch/13")
    (strip,) = strips(page)
    assert words(strip) == ["↑ Parent run"] and "workflow_id=batch&amp;run_id=" in strip
    bodies = [element.proto.body for element in page.get("html")]
    assert sum(body.count("it has no title") for body in bodies) == 1
    assert any("This run has called no model." in body and "ds-table" not in body for body in bodies)


def test_the_row_of_a_child_leads_to_its_run(open_page: OpenPage, relatives: Path) -> None:
    """Its details have no tokens and no waits of attempts, which it has not."""
    page = open_page("run", store=relatives, workflow_id="batch", span="child:1")
    assert any('href="run?workflow_id=batch%2F13' in strip for strip in strips(page))
    (details,) = (e.proto.body for e in page.get("html") if "<dt>operation</dt>" in e.proto.body)
    assert "<dt>length</dt><dd>20.0 s</dd>" in details
    assert "tokens" not in details and "backoff" not in details and "$0" not in details


def test_links_lead_out_to_what_is_configured(
    open_page: OpenPage, fleet_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Temporal's UI and Grafana, each under its own address; nothing of what is not configured."""
    assert not open_page("run", workflow_id="research-0").get("link_button")
    monkeypatch.setenv("DURASCOPE_TEMPORAL_UI", "http://127.0.0.1:8233/")
    monkeypatch.setenv("DURASCOPE_GRAFANA", "http://127.0.0.1:3000")
    found = {b.proto.label: b.proto.url for b in open_page("run", workflow_id="research-0").get("link_button")}
    assert found["Temporal UI"].startswith("http://127.0.0.1:8233/namespaces/default/workflows/research-0/")
    assert found["Trace in Grafana"].startswith("http://127.0.0.1:3000/explore?")


def test_a_run_too_large_to_draw_says_where_to_look(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above a hundred thousand segments (here ten) the page names the file that has all."""
    monkeypatch.setattr("durascope_dashboard.views.run.SUMMARY_FROM", 10)
    page = open_page("run", workflow_id="research-4")
    assert any(element.value.startswith("90 segments: what is in a turn") for element in page.caption)


def test_all_of_an_open_page_is_at_one_moment(open_page: OpenPage, tmp_path: Path) -> None:
    """Header, paragraph and the time since scheduling agree; no retry cost more than the run has lasted."""
    moment = synthetic.now()
    story = Story("booking", "BookingWorkflow", moment - 100 * S, status="running", closed=False)
    failed = {"status": "error", "error": "Full", "message": "no rooms", "run": 1.0, "queue": 0.0}
    story.operation("book", "tool", None, [failed], open_=True)
    activity = story.rows["history_operations"][-1]["activity_id"]
    story.rows["observations"].append(
        {**story.key, "activity_id": activity, "attempt": 2, "status": "pending", "queued": moment + 1200 * S,
         "next_retry": moment + 1200 * S, "observed": moment}
    )  # fmt: skip
    synthetic.write(tmp_path / "s.duckdb", [story], moment)
    page = open_page("run", store=tmp_path / "s.duckdb", workflow_id="booking")
    text = TAG.sub("", "\n".join(e.proto.body for e in page.get("html"))).replace("\u00a0", " ")
    (lasted,) = set(re.findall(r"(?:running for|been running for) (1 m \d\d s)", text))
    assert f"would now be {lasted} further" in text
    assert re.search(rf"book2 of 5–{lasted}next retry in (19 m 5|20 m 0)", text)


def test_a_first_attempt_has_no_backoff_and_a_cancelled_one_is_not_green() -> None:
    """A backoff before it would be one of 0 ms; a colour says what the word says."""
    rng = random.Random(1)
    assert [status.tone(s) for s in ("ok", "error", "timeout", "lost", "cancelled", "running", "pending")] == [
        "good", "bad", "bad", "bad", "muted", "accent", "muted",
    ]  # fmt: skip
    story = Story("w", "W", 0)
    story.operation("t", "tool", None, [synthetic.tool(rng, status="error"), synthetic.tool(rng, backoff=2.0)])
    _, joined = synthetic.joined([story], 100 * S)
    found = run_tables.attempts_table(to_arrow(joined.attempts, "attempts").to_pylist())
    assert found["backoff_ms"].isna().tolist() == [True, False]
