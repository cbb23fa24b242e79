"""What every store does, whichever engine keeps it."""

from typing import Any

import pytest

from durascope_dashboard.analysis.join import Evidence, Joined
from durascope_dashboard.collector.joiner import join_here
from durascope_dashboard.exceptions import StoreUnavailable
from durascope_dashboard.store import schema
from durascope_dashboard.store.engine import Store
from durascope_dashboard.store.location import Location, open_store
from tests.store.rows import RUN, T0, evidence_of, put_joined, rows, run_rows


def run_key() -> tuple[str, str, str]:
    return RUN["namespace"], RUN["workflow_id"], RUN["run_id"]


def attempt(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"activity_id": "1", "attempt": number, "status": "running", "source": "span"} | more


def test_every_table_of_the_schema_is_there(store: Store) -> None:
    """With exactly its columns, in order."""
    for name, columns in schema.TABLES.items():
        assert store.sql(f"SELECT * FROM {name}").schema.names == columns.names


def test_what_was_written_is_there_after_reopening(location: Location) -> None:
    """Rows, and the small values beside them; the last of these."""
    with open_store(location) as store:
        store.append("runs", run_rows(3))
        for value in ("6", "7"):
            store.set_meta("watermark:default", value)
    with open_store(location, read_only=True) as store:
        assert store.query("store_info").to_pylist()[0]["runs"] == 3
        assert store.get_meta("watermark:default") == "7"
        assert store.get_meta("nothing") is None


@pytest.mark.parametrize("backwards", [False, True])
def test_attempts_upsert_on_their_key_in_any_order(store: Store, backwards: bool) -> None:
    """An ended attempt replaces the begun one and never the other way round."""
    begun = rows("span_attempts", attempt(begun_only=True), attempt(2, begun_only=True))
    ended = rows("span_attempts", attempt(begun_only=False, status="ok", ended=T0))
    for batch in (ended, begun) if backwards else (begun, ended):
        store.append("span_attempts", batch)
    evidence = store.evidence_tables([run_key()])["span_attempts"].sort_by("attempt")
    found = evidence.select(["attempt", "status", "ended"]).to_pylist()
    assert found == [{"attempt": 1, "status": "ok", "ended": T0}, {"attempt": 2, "status": "running", "ended": None}]


def test_within_one_batch_the_last_of_equals_stands(store: Store) -> None:
    """A batch may hold a key several times."""
    store.append("span_attempts", rows("span_attempts", *(attempt(begun_only=False, worker=str(i)) for i in range(5))))
    assert store.evidence_tables([run_key()])["span_attempts"]["worker"].to_pylist() == ["4"]


def test_an_observation_does_not_unsay_what_an_earlier_one_saw(store: Store) -> None:
    """Describe shows a pending attempt's last start only for a while; the plan for the next retry may go away again."""
    store.append("observations", rows("observations", attempt(started=T0, worker="a", next_retry=5, observed=1)))
    store.append("observations", rows("observations", attempt(status="pending", observed=2)))
    found = store.sql("SELECT status, started, worker, next_retry, observed FROM observations").to_pylist()
    assert found == [{"status": "pending", "started": T0, "worker": "a", "next_retry": None, "observed": 2}]


def test_evidence_is_that_of_the_runs_asked_about(store: Store) -> None:
    """Spans with their duplicates, in order of arrival; frames exactly as the schema says, also when empty."""
    span = {"trace_id": "t", "span_id": "s", "start": T0, "received": T0}
    store.append("spans", rows("spans", {**span, "seq": 1}, {**span, "seq": 0}, {**span, "run_id": "x", "seq": 2}))
    evidence = evidence_of(store, run_key())
    assert evidence.spans["seq"].tolist() == [0, 1]
    for name in Evidence.__dataclass_fields__:
        frame = getattr(evidence, name)
        assert list(frame.columns) == schema.TABLES[name].names
    assert str(evidence.spans["end"].dtype) == "Int64"


def test_joined_rows_take_the_place_of_the_old(store: Store) -> None:
    """Of these runs only; an operation that is gone is gone."""
    from durascope_dashboard.analysis.frames import empty_frame, from_arrow

    store.append("runs", run_rows(3))
    operation = {"operation_id": "activity:1", "kind": "model", "scheduled": T0}
    store.append(
        "operations", rows("operations", *({**operation, "workflow_id": f"w{i}", "run_id": f"r{i}"} for i in range(3)))
    )
    again = from_arrow(run_rows(1, status="failed"), "runs")
    put_joined(store, Joined(again, empty_frame("operations"), empty_frame("attempts")))
    found = store.query("runs", order="started", descending=False).to_pylist()
    assert [row["status"] for row in found] == ["failed", "completed", "completed"]
    assert store.query("store_info")["operations"].to_pylist() == [2]


def test_a_run_is_unjoined_until_what_is_joined_has_its_history(store: Store) -> None:
    """Whoever told of it first, and again when its history has grown."""

    def join() -> None:
        store.replace_joined(join_here(store.evidence_tables([run_key()]), T0), as_of=store.clock())

    keys = rows("runs", {}).select(schema.RUN_KEY)
    steps: list[tuple[str, dict[str, Any]]] = [
        ("span_attempts", attempt(begun_only=False, started=T0)),
        ("history_runs", {"status": "running", "started": T0, "last_event_id": 5, "from_history": True}),
        ("history_runs", {"status": "completed", "started": T0, "last_event_id": 9, "from_history": True}),
    ]
    for table, row in steps:
        if table == "history_runs":
            store.replace(keys, {table: rows(table, row)})
        else:
            store.append(table, rows(table, row))
        assert store.unjoined_runs() == [run_key()]
        join()
        assert store.unjoined_runs() == []


def test_a_closed_store_says_so(store: Store) -> None:
    """And closing twice is nothing."""
    store.close()
    store.close()
    with pytest.raises(StoreUnavailable, match="has been closed"):
        store.query("runs")
