"""Each page but the Run page, run by AppTest: on the fleet, on an empty store, and where a link names nothing."""

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from durascope_dashboard import units
from durascope_dashboard.panels import filters
from durascope_dashboard.store.duckdb_store import DuckStore
from tests.dashboard import synthetic
from tests.dashboard.conftest import OpenPage

PAGES = ("runs", "compare", "reliability", "cost", "workers", "health")


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without a run."""
    path = tmp_path_factory.mktemp("empty") / "empty.duckdb"
    DuckStore(path).close()
    return path


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_the_fleet_draws_without_an_exception(open_page: OpenPage, name: str) -> None:
    """Whatever is in the store: hostile names, unknown tokens, runs without telemetry."""
    page = open_page(name)
    assert not page.error
    assert any(element.value.startswith("### ") for element in page.markdown)


def test_two_runs_are_compared(open_page: OpenPage) -> None:
    """A headline, warnings, every difference, and where the two first part."""
    page = open_page("compare", a="research-4", b="research-0")
    headings = [element.value for element in page.markdown]
    assert "###### What changed" in headings and "###### Where they first part" in headings
    assert [(box.value or [None])[0] for box in page.selectbox] == ["research-4", "research-0"]
    deltas = page.dataframe[0].value
    assert deltas.set_index("what").loc["Retries", "verdict"] == "▼ better"


def test_a_run_is_compared_with_the_median_of_its_type(open_page: OpenPage) -> None:
    """B can be the median; a run without telemetry is a fair A."""
    page = open_page("compare", a="research-history", b="median")
    assert page.selectbox[1].value == "median"
    assert "Median" in [column.get("label") for column in _columns(page)]


def _columns(page: AppTest) -> list[dict[str, Any]]:
    return list(json.loads(page.dataframe[0].proto.columns).values())


@pytest.mark.parametrize("missing", [{"a": "no-such-run", "b": "research-0"}, {"a": "research-0"}])
def test_a_comparison_that_lacks_a_side_says_so(open_page: OpenPage, missing: dict[str, str]) -> None:
    """An id that the store does not have, or a side that is not chosen: one sentence and no table."""
    page = open_page("compare", **missing)
    assert [e.value for e in page.subheader] in (["Not found"], ["Choose B"])
    assert not page.dataframe


@pytest.mark.parametrize("by", ["Build", "Model", "Task queue"])
@pytest.mark.parametrize("metric", ["Duration p99", "Waste", "Retries per run"])
def test_groups_are_compared_by_every_measure(open_page: OpenPage, by: str, metric: str) -> None:
    """Each dimension with each kind of number."""
    page = open_page("compare", mode="Groups of runs", group_by=by, metric=metric)
    assert page.dataframe[0].value["runs"].sum() == 14


@pytest.mark.parametrize("by", ["Error", "Cause", "Task queue", "Worker", "Workflow type", "Agent", "Model", "Build"])
def test_failures_are_grouped_by_every_dimension(open_page: OpenPage, by: str) -> None:
    """Whatever the dimension, all failed attempts of the fleet are there."""
    page = open_page("reliability", by=by)
    counted = "attempts" if by == "Error" else "failed"  # of an error, every attempt has failed
    assert page.dataframe[0].value[counted].sum() >= 49


@pytest.mark.parametrize("by", ["Agent", "Workflow type", "Task queue", "Tool"])
def test_tokens_are_grouped_by_every_dimension(open_page: OpenPage, by: str) -> None:
    """Whatever the dimension, a table; and the one of the filter alone if a type is chosen."""
    page = open_page("cost", spent_by=by, type="ResearchWorkflow")
    assert len(page.dataframe[0].value) > 0
    if by == "Workflow type":
        assert page.dataframe[0].value["value"].tolist() == ["ResearchWorkflow"]


def test_every_trouble_can_be_opened(open_page: OpenPage) -> None:
    """Each trouble by its link: a table, or the words that nothing is in it."""
    for trouble in filters.VIEWS:
        page = open_page("runs", trouble=trouble)
        table = [e for e in page.get("bidi_component") if e.proto.component_name == "durascope_table"]
        assert table or "No run matches" in [e.value for e in page.subheader], trouble


@pytest.mark.parametrize("name", ["runs", "compare", "reliability", "cost", "workers", "health"])
def test_a_page_of_an_empty_store_says_what_to_run(open_page: OpenPage, empty_store: Path, name: str) -> None:
    """No page is blank: the commands that bring data are on it."""
    page = open_page(name, store=empty_store)
    assert "No runs yet" in [element.value for element in page.subheader]
    assert any("durascope demo" in code.value for code in page.code)


@pytest.mark.parametrize("name", ["reliability", "cost"])
def test_a_type_from_a_link_is_kept_and_open_runs_have_types_too(open_page: OpenPage, name: str) -> None:
    """A type that only open runs have can be chosen; one that no run has stays, and the page says what it found."""
    page = open_page(name, type="Gone")
    assert page.multiselect("type").value == ["Gone"]
    assert page.subheader[0].value.startswith("No ")
    assert "SupportTriage" in page.multiselect("type").options


@pytest.mark.parametrize("name", ["reliability", "cost", "workers", "health"])
def test_a_page_says_when_it_was_read(open_page: OpenPage, name: str) -> None:
    """And can be read again, without a key."""
    label = open_page(name).button("read_again").label
    assert re.fullmatch(r"as of \d\d:\d\d:\d\d UTC", label)


def test_what_the_cost_page_counts_it_counts_by_the_attempts_moment(open_page: OpenPage, tmp_path: Path) -> None:
    """A run open for two days that is retried now: tiles, table and sentence tell of the same tokens, and are there."""
    moment = synthetic.now()
    rng = random.Random(1)
    old = synthetic.Story("old", "Entity", moment - 2 * 86_400 * synthetic.S, status="running", closed=False)
    old.at = moment - 600 * synthetic.S
    bad = {"status": "error", "error": "RateLimitError", "message": "429", "tokens": (1000, 0, 100, 0)}
    for _ in range(6):
        tries = [{**synthetic.model(rng), **bad}, synthetic.model(rng, backoff=2.0)]
        old.operation("model", "model", None, tries, agent="A", model=synthetic.MODEL)
    synthetic.write(tmp_path / "old.duckdb", [old], moment)
    page = open_page("cost", store=tmp_path / "old.duckdb")
    tiles = {metric.label: metric.value for metric in page.metric}
    spent = page.dataframe[0].value.iloc[0]
    assert tiles["Billed"] == units.tokens(spent["billed_input"] + spent["billed_output"])
    assert tiles["Wasted"].startswith("6.6k") and spent["wasted"] == 6600
    assert "6 attempts came to nothing: 6.6k tokens" in " ".join(e.proto.body for e in page.get("html"))
    assert not open_page("health", store=tmp_path / "old.duckdb").subheader


def test_a_run_that_is_the_only_one_of_its_type_has_no_median(open_page: OpenPage) -> None:
    """One sentence instead of a table of unknowns."""
    page = open_page("compare", a="triage-now", b="median")
    assert page.subheader[0].value == "Nothing to compare with" and not page.dataframe


def test_rows_lead_to_their_runs(open_page: OpenPage) -> None:
    """An activity that fails, the queue that the bad ones share, a cause of waste, a worker: each by what it is."""
    links = open_page("reliability").dataframe[0].value.set_index("value")["runs_with"]
    assert links["web_search"] == "./?activity=web_search"
    assert open_page("cost", spent_by="Agent").dataframe[0].value["runs_with"].str.startswith("./?agent=").any()
    assert open_page("workers").dataframe[-1].value["runs_with"].str.startswith("./?worker=").all()
    assert "runs_with" not in open_page("reliability", by="Cause").dataframe[0].value  # no run can be asked for it


def test_a_link_of_another_page_shows_only_those_runs(open_page: OpenPage) -> None:
    """With the filter in sight, where it can be taken back."""
    page = open_page("runs", activity="web_search")
    assert page.multiselect("activity").value == ["web_search"]
    every = int(re.findall(r"\*\*(\d+) runs?", open_page("runs").caption[0].value)[0])
    assert 0 < int(re.findall(r"\*\*(\d+) runs?", page.caption[0].value)[0]) < every
    assert open_page("runs", worker="nobody").subheader[0].value == "No run matches"
