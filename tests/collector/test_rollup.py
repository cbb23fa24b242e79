"""What a former process left unjoined is joined by the next one."""

from pathlib import Path

from durascope_dashboard.collector.ingest import Ingest
from durascope_dashboard.collector.otlp import decode_traces
from durascope_dashboard.store import schema
from durascope_dashboard.store.duckdb_store import DuckStore
from tests.collector.running import until
from tests.collector.spans import RUN, attempt_span, request
from tests.store.rows import T0, rows


def test_a_history_committed_just_before_a_kill_is_joined_at_the_next_start(tmp_path: Path) -> None:
    """Also of a run that was joined before, from what its worker told."""
    key = dict(zip(schema.RUN_KEY, RUN, strict=True))
    history = {"status": "completed", "started": T0, "closed": T0 + 1, "last_event_id": 9, "from_history": True}
    path = tmp_path / "store.duckdb"
    with DuckStore(path) as store:
        ingest = Ingest(store).start()
        ingest.submit(decode_traces(request(attempt_span()))).result()
        ingest.close()
        assert store.query("runs")["status"].to_pylist() == ["running"]
        store.replace(
            rows("runs", key).select(schema.RUN_KEY), {"history_runs": rows("history_runs", key | history)}
        )  # and killed
    with DuckStore(path) as store:
        store.execute("UPDATE runs SET status = 'failed'")  # an open run would be joined again for being open
        ingest = Ingest(store).start()
        until(lambda: store.query("runs")["status"].to_pylist() == ["completed"], "the join")
        ingest.close()
