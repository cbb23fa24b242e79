"""Named queries: filters, order, pages, on both engines."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from durascope_dashboard.exceptions import UnknownQuery, UsageError
from durascope_dashboard.store.engine import Store
from durascope_dashboard.store.location import open_store
from durascope_dashboard.store.queries import QUERIES
from durascope_dashboard.store.queries.runs import ORDERS, cursor_after
from durascope_dashboard.store.queries.tables import MARK
from tests.clickhouse import ENGINES, Engine
from tests.store.rows import T0, rows, run_rows

NEEDED = {
    "workflow_id": "w",
    "workflow_type": "W",
    "run_id": "r",
    "first_run_id": "r",
    "span_id": "s",
    "since": T0,
    "until": T0 + 10**9,
}


@pytest.fixture(scope="module", params=ENGINES)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with ExitStack() as stack:
        if request.param == "duckdb":
            opened = stack.enter_context(open_store(tmp_path_factory.mktemp("queries") / "store.duckdb"))
        else:
            engine: Engine = request.getfixturevalue("clickhouse_engine")
            opened = stack.enter_context(open_store(stack.enter_context(engine.database())))
        opened.append("runs", run_rows(10))
        opened.append(
            "runs",
            rows(
                "runs",
                {"workflow_id": "live", "run_id": "l", "status": "running", "started": T0, "workflow_type": "Chat",
                 "current_attempt": 4, "failure_message": "ÜBERLASTET",
                 "agents": '["Writer \\"x\\""]', "retries": 3, "waiting_for": "retry"},
                {"workflow_id": "bad", "run_id": "b", "status": "failed", "started": T0 - 1, "workflow_type": "Chat",
                 "closed": T0 + 1_000_000, "duration_ms": 1000.0, "failure_message": "Rate LIMIT hit", "retries": 0},
            ),
        )  # fmt: skip
        yield opened


def ids(store: Store, **params: Any) -> list[str]:
    found: list[str] = store.query("runs", **params)["workflow_id"].to_pylist()
    return found


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"limit": 2}, ["w9", "w8"]),
        ({"limit": 2, "offset": 2}, ["w7", "w6"]),
        ({"status": "failed"}, ["bad"]),
        ({"status": "running,failed"}, ["live", "bad"]),
        ({"status": ["running", "failed"]}, ["live", "bad"]),
        ({"workflow_type": "Chat"}, ["live", "bad"]),
        ({"agent": 'Writer "x"'}, ["live"]),
        ({"agent": "Writer"}, []),
        ({"model": "gpt-5", "limit": 1}, ["w9"]),
        ({"since": T0 + 9_000_000}, ["w9"]),
        ({"until": T0}, ["bad"]),
        ({"text": "rate limit"}, ["bad"]),
        ({"text": "RATE nothing"}, []),
        ({"text": "Über"}, ["live"]),
        ({"text": "100%"}, []),
        ({"view": "retrying"}, ["live"]),
        ({"view": "trouble"}, ["live", "bad"]),
        ({"order": "retries", "limit": 2}, ["live", "w2"]),
        ({"order": "duration_ms", "descending": "false", "limit": 1}, ["w0"]),
        ({"workflow_id": "w3"}, ["w3"]),
    ],
)
def test_runs_filters_and_order(store: Store, params: dict[str, Any], expected: list[str]) -> None:
    """Newest first; lists match any value; every word of a search must be found; a name is matched whole."""
    assert ids(store, **params) == expected


@pytest.mark.parametrize("order", ["started", "retries", "duration_ms", "cost_billed"])
@pytest.mark.parametrize("descending", [True, False])
def test_cursor_pages_are_the_whole_without_gaps(store: Store, order: str, descending: bool) -> None:
    """Also across equal and unknown values."""
    whole = ids(store, order=order, descending=descending)
    paged: list[str] = []
    cursor = None
    while True:
        page = store.query("runs", order=order, descending=descending, limit=5, cursor=cursor).to_pylist()
        paged += [row["workflow_id"] for row in page]
        if len(page) < 5:
            break
        cursor = cursor_after(page[-1], order)
    assert paged == whole and len(whole) == 12


def test_an_open_run_lasts_until_now(store: Store) -> None:
    """``duration_ms`` of a running run grows without any write."""
    first, second = (store.query("run", workflow_id="live")["duration_ms"][0].as_py() for _ in range(2))
    assert 0 < first < second
    assert store.query("run", workflow_id="bad")["duration_ms"].to_pylist() == [1000.0]


def test_run_is_the_newest_of_a_workflow_id(store: Store) -> None:
    """Unless a run id is given; an unknown one gives no row."""
    assert store.query("run", workflow_id="w3")["run_id"].to_pylist() == ["r3"]
    assert store.query("run", workflow_id="w3", run_id="other").num_rows == 0


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_every_query_runs(store: Store, name: str) -> None:
    """With the parameters that it needs, and is described."""
    query = QUERIES[name]
    params = {key: value for key, value in NEEDED.items() if key in query.parameters}
    store.query(name, **params)
    assert query.sql(store.engine, params).lower().startswith(("select", "with"))
    assert query.summary


@pytest.mark.parametrize(
    ("name", "params", "error", "message"),
    [
        ("nonsense", {}, UnknownQuery, "no query 'nonsense'; there are: .*attempts,"),
        ("runs", {"colour": 1}, UnknownQuery, "no parameter 'colour'"),
        ("runs", {"limit": "many"}, UsageError, "whole number"),
        ("runs", {"since": [1, 2]}, UsageError, "one value"),
        ("runs", {"order": "status; DROP TABLE runs"}, UsageError, "cannot be ordered"),
        ("runs", {"view": "x"}, UsageError, "no view 'x'"),
        ("runs", {"cursor": "///"}, UsageError, "cursor"),
        ("spans", {}, UsageError, "needs workflow_id or trace_id"),
        ("tokens", {"by": "colour"}, UsageError, "cannot be grouped"),
        (
            "runs",
            {"cursor": cursor_after({"started": 10**30, "workflow_id": "w", "run_id": "r"})},
            UsageError,
            "cursor",
        ),
        ("fleet", {"since": 0, "until": 1, "bucket_ms": 2**63 - 1}, UsageError, "buckets cannot be 9.* ms wide"),
        ("cohorts", {"bucket_ms": 2**62}, UsageError, "a century"),
    ],
)
def test_wrong_questions_are_one_sentence(
    store: Store, name: str, params: dict[str, Any], error: type[Exception], message: str
) -> None:
    """That names what was asked and what there is."""
    with pytest.raises(error, match=message):
        store.query(name, **params)


def test_values_are_never_sql(store: Store) -> None:
    """Quotes and comment signs are data."""
    for text in ("'; DROP TABLE runs; --", "\\'", "%", "_", "\x00", "'" * 50):
        assert ids(store, workflow_id=[text]) == []
        ids(store, text=text)
    assert len(ids(store)) == 12


@pytest.mark.parametrize("text", ["8071113170921900003", "$now", "{now:Int64}", "$workflow_id_0", "\u2063workflow"])
def test_a_text_that_looks_like_a_place_is_a_text(store: Store, text: str) -> None:
    """Whatever stands for a value in the engine's text: alone, in a list, and in a filter."""
    assert ids(store, text=text, workflow_id=["w1"]) == []
    assert ids(store, workflow_type=[text], view="no_heartbeat") == []
    assert ids(store, where=f"workflow_id = '{text}' OR workflow_id = 'w1'", namespace="default") == ["w1"]


def test_marks_are_other_ones_in_each_process() -> None:
    """Who asks cannot know them."""
    source = "from durascope_dashboard.store.queries.tables import MARK; print(MARK)"
    found = {subprocess.run([sys.executable, "-c", source], capture_output=True, check=True).stdout for _ in range(2)}
    assert len(found) == 2 and str(MARK).encode() not in b"".join(found)


def test_a_list_of_ids_is_compiled_once(store: Store) -> None:
    """For every length, whatever the ids; a list too long for places of its own is answered all the same."""
    query = QUERIES["runs"]
    first, second = (query.prepared(store.engine, {"workflow_id": found}) for found in (["w1", "w2"], ["w3", "w2"]))
    assert first.text == second.text
    assert list(second.values.values()) == ["w3", "w2"]
    assert ids(store, workflow_id=["w3", "w2"]) == ["w3", "w2"]
    assert len(ids(store, workflow_id=[f"w{n}" for n in range(40)])) == 10


def test_limit_is_bounded(store: Store) -> None:
    """A negative or absurd limit is clipped, not an error."""
    assert ids(store, limit=-5) == []
    assert len(ids(store, offset=-5)) == 12
    assert len(ids(store, limit=10**12)) == 12


def test_spans_of_a_run_stand_once_each(store: Store) -> None:
    """The one that arrived last."""
    span = {"trace_id": "t", "span_id": "s", "start": T0, "received": T0, "workflow_id": "x"}
    store.append("spans", rows("spans", *({**span, "seq": i, "name": str(i)} for i in range(3))))
    assert store.query("spans", workflow_id="x")["name"].to_pylist() == ["2"]
    assert store.query("spans", trace_id="t")["name"].to_pylist() == ["2"]


def test_orders_are_columns(store: Store) -> None:
    """Every order that is offered works."""
    for order in ORDERS:
        assert len(ids(store, order=order)) == 12
