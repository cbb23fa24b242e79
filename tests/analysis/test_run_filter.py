"""The filter language: what it means, and that nothing else gets through."""

import ibis
import pytest

from durascope_dashboard.analysis.run_filter import to_expression
from durascope_dashboard.exceptions import InvalidFilter
from durascope_dashboard.store.schema import RUNS


def sql(text: str) -> str:
    """The WHERE that a filter becomes."""
    table = ibis.table(ibis.Schema.from_pyarrow(RUNS), name="runs")
    compiled = str(ibis.to_sql(table.filter(to_expression(table, text)).select("run_id"), dialect="duckdb"))
    return " ".join(compiled.partition("WHERE")[2].replace('"t0".', "").split())


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("status = 'failed'", "\"status\" = 'failed'"),
        ("ExecutionStatus = 'TimedOut' AND retries > 2", '"status" = \'timed_out\' AND "retries" > 2'),
        ("time_ms.backoff > 30s", '"time_backoff_ms" > 30000'),
        ("StartTime >= '1970-01-01T00:00:01Z'", '"started" >= 1000000'),
        ("agent = 'planner'", 'CONTAINS("agents", \'"planner"\')'),
        ("tokens > 1000", '( "billed_input" + "billed_output" ) > 1000'),
        ("workflow_id LIKE 'a%'", "\"workflow_id\" LIKE 'a%'"),
        ("closed IS NULL", '"closed" IS NULL'),
    ],
)
def test_filter_means(text: str, meaning: str) -> None:
    """JSON names and Temporal's names, units of time, sums and lists of names."""
    assert sql(text) == meaning


@pytest.mark.parametrize(
    "text",
    [
        "", "status", "1 = 1", "status = workflow_id", "secret = 1", "retries > 'many'", "started > 'yesterday'",
        "status = 'a'; DROP TABLE runs", "EXISTS (SELECT 1)", "status IN (SELECT 1)", "lower(status) = 'a'",
        "agent > 'a'", "status = 'a' AND", "(" * 80 + "status = 'a'" + ")" * 80, "retries + 1 > 2",
        "read_text('/x') = ''", "retries > 1e30", "duration_ms > 1e300", "duration_ms > 1e400", "retries LIKE '1%'",
        "starts_with(retries, '1')", "retries = true", "from_history = 1", "duration_ms > 999999999999999d",
    ],
)  # fmt: skip
def test_everything_else_is_refused_in_one_sentence(text: str) -> None:
    """Functions, sub-queries, several statements, unknown columns and values of the wrong sort."""
    with pytest.raises(InvalidFilter) as refused:
        sql(text)
    assert "\n" not in str(refused.value)
