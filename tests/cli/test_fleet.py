"""The table of runs and the line below it: what an open run is doing, what all of them come to."""

import io
from typing import Any

from rich.console import Console

from durascope_dashboard.analysis.frames import to_arrow
from durascope_dashboard.cli import _fleet
from tests.analysis.facts import joined, operation, run, told


def printed(rows: list[dict[str, Any]], *, width: int) -> str:
    out = Console(file=io.StringIO(), width=width, highlight=False)
    out.print(_fleet.table_of(rows, wide=width >= _fleet.WIDE))
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def rows() -> list[dict[str, Any]]:
    result = joined(
        now=6,
        history_runs=[run(closed=None)],
        history_operations=[operation(name="search", max_attempts=5)],
        observations=[
            told(2, "error", started=2, ended=4, error_type="RateLimit", retry_delay_ms=5000.0),
            told(3, "pending", next_retry=9, max_attempts=5),
        ],
    )
    return list(to_arrow(result.runs, "runs").to_pylist())


def test_an_open_run_shows_what_it_retries_and_why() -> None:
    """Operation, attempt n/max, that it is in backoff, after which error; also in a narrow terminal."""
    for width in (200, 120):
        shown = " ".join(printed(rows(), width=width).split())
        assert "search attempt 3/5: backoff after RateLimit" in shown and "3 (2 retries)" in shown
    assert "type" not in printed(rows(), width=120)


def test_the_line_below_sums_all_that_match() -> None:
    """Also what the page does not show."""
    total = {"runs": 1111, "running": 3, "failed": None, "attempts": 12, "retries": 2, "billed_input": 900,
             "billed_output": 100, "wasted_input": 100, "wasted_output": 0, "unknown_attempts": 1,
             "cost_billed": None, "cost_wasted": None}  # fmt: skip
    assert str(_fleet.totals(total, 20)).strip() == (
        "20 of 1,111 runs: 3 running, 0 failed; 2 retries in 12 attempts; "
        "1.0k tokens (10 % wasted), 1 attempt unknown; –"
    )
    one = _fleet.totals(total | {"runs": 1, "attempts": 1, "retries": 1, "unknown_attempts": 0}, 1)
    assert str(one).strip().startswith("1 of 1 run: 3 running, 0 failed; 1 retry in 1 attempt;")
