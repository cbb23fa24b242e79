"""A small size of benchmarks/crash.py: SIGKILL under load, a disk that fills up, and garbage."""

from pathlib import Path

from benchmarks.crash import disk_full, kills, malformed

NOTHING_WRONG = {"lost_runs": 0, "doubled_runs": 0, "unjoined_runs": 0, "rows_twice": 0}


def test_killed_under_load_nothing_acknowledged_is_lost_and_nothing_doubled(tmp_path: Path) -> None:
    """Senders send again what was not acknowledged, as exporters do; every run is whole, once, and joined."""
    found = kills(tmp_path, count=3, seed=2)
    assert found["acknowledged_runs"] > 0 and found["exit_code_at_end"] == 0
    assert {name: found[name] for name in NOTHING_WRONG} == NOTHING_WRONG


def test_a_full_disk_is_said_and_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """503 with Retry-After and the reason; readers are still answered; with room again it goes on by itself."""
    found = disk_full(tmp_path, limit=12 << 20)
    assert (found["healthz_when_full"], found["answer_when_full"]) == (200, 503)
    assert "not stored" in found["message"] and int(found["retry_after"]) > 0
    assert found["spans_after"] > 0
    assert {name: found[name] for name in NOTHING_WRONG} == NOTHING_WRONG


def test_garbage_is_refused_and_the_collector_goes_on(tmp_path: Path) -> None:
    """Never a 500: what cannot be read is 400, what can be read is taken."""
    found = malformed(tmp_path, count=150, seed=3)
    assert found["statuses"].keys() <= {200, 400} and found["statuses"][400] > 0
    assert found["spans_taken_afterwards"] > 0
