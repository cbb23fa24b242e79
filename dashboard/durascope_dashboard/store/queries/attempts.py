"""Queries over attempts of many runs: how often each thing fails, waits and is retried, and what the bad ones share.

An attempt belongs to the moment it started (was queued or ended, if it has not): that is the time that ``since`` and
``until`` bound, here and in fleet.py and waste.py. One of which no time is known is in no period, only in the whole.
"""

from typing import Any

import ibis

from durascope_dashboard.exceptions import UsageError
from durascope_dashboard.store.queries.tables import TABLES, bucket, within
from durascope_dashboard.store.schema import RUN_KEY

FAILED = ("error", "timeout", "lost")
OPEN = ("running", "pending")
OWN = ("name", "kind", "agent", "model", "fingerprint", "error_type", "task_queue", "worker", "build_id", "status")
BY = (*OWN, "workflow_type", "cause")
SHARED = ("workflow_type", "name", "task_queue", "worker", "build_id", "agent", "model")


def ask_by(by: str) -> str:
    """The dimension, if it is one. Raises UsageError."""
    if by not in BY:
        raise UsageError(f"attempts cannot be grouped by {by!r}; they can by: {', '.join(BY)}")
    return by


def moments(
    since: int | None, until: int | None, workflow_type: list[str] | None = None, kind: list[str] | None = None,
    *, typed: bool = False,
) -> Any:  # fmt: skip
    """Attempts with their ``moment``, those of the period; with their run's ``workflow_type`` if that is asked for."""
    t = TABLES["attempts"]
    found = t.mutate(moment=ibis.coalesce(t["started"], t["queued"], t["ended"]))
    wanted = within(found, "moment", since, until)
    if kind:
        wanted.append(found["kind"].isin(kind))
    found = found.filter(wanted) if wanted else found
    if not typed and not workflow_type:
        return found
    runs = TABLES["runs"].select(*RUN_KEY, "workflow_type")
    if workflow_type:
        runs = runs.filter(runs["workflow_type"].isin(workflow_type))
    return found.join(runs, list(RUN_KEY))


def failed(t: Any) -> Any:
    """Ended without its result."""
    return t["status"].isin(FAILED)


def unknown(t: Any) -> Any:
    """Model attempts that began and are over, whose usage nobody saw: the ledger's own condition."""
    unseen = t["tokens_input"].isnull() & t["tokens_output"].isnull()
    begun = t["started"].notnull() | t["estimated"]
    return (t["kind"] == "model") & unseen & begun & ~t["status"].isin(OPEN)


def cause(t: Any) -> Any:
    """Why an attempt's work was lost, in words, most telling first."""
    http = t["http_status"]
    return ibis.cases(
        (t["status"] == "timeout", "timed out"),
        (t["status"] == "lost", "worker lost"),
        (t["status"] == "cancelled", "cancelled"),
        (t["status"] == "ok", "result not used"),
        (t["status"].isin(OPEN), "not over yet"),
        (http == 429, "rate limited (HTTP 429)"),
        ((http >= 500) & (http < 600), "provider error (HTTP 5xx)"),
        ((http >= 400) & (http < 500), "refused (HTTP 4xx)"),
        else_=t["error_type"].fill_null("unknown error"),
    )


def dimension(t: Any, by: str) -> Any:
    """The column that ``by`` names."""
    return cause(t) if by == "cause" else t[by]


def _count(condition: Any) -> Any:
    return condition.fill_null(False).cast("int64").sum()


def attempt_groups(
    by: str = "name", since: int | None = None, until: int | None = None, workflow_type: list[str] | None = None,
    kind: list[str] | None = None, limit: int = 200,
) -> Any:  # fmt: skip
    """Attempts of the period (by their moment) by one dimension: how many, retried, failed; queue wait, run time and
    backoff; the last error.
    """
    found = moments(since, until, workflow_type, kind, typed=ask_by(by) == "workflow_type")
    bad = failed(found)
    grouped = found.group_by(value=dimension(found, by)).aggregate(
        attempts=found.count(),
        operations=_count(found["attempt"] == 1),
        retries=_count(found["attempt"] > 1),
        failed=_count(bad),
        timeouts=_count(found["status"] == "timeout"),
        lost=_count(found["status"] == "lost"),
        open=_count(found["status"].isin(OPEN)),
        by_server=_count(found["retry_by"] == "server"),
        runs=found["run_id"].nunique(),
        queue_p50_ms=found["queue_ms"].quantile(0.5),
        queue_p95_ms=found["queue_ms"].quantile(0.95),
        run_p50_ms=found["run_ms"].quantile(0.5),
        run_p95_ms=found["run_ms"].quantile(0.95),
        backoff_ms=found["backoff_ms"].sum(),
        last_failed=found["moment"].max(where=bad),
        last_error=found["error_type"].argmax(found["moment"], where=bad & found["error_type"].notnull()),
        last_seen=found["moment"].max(),
    )
    return grouped.order_by([grouped["failed"].desc(), grouped["attempts"].desc(), grouped["value"]]).limit(limit)


def attempt_series(
    since: int, until: int, bucket_ms: int = 60_000, by: str | None = None, workflow_type: list[str] | None = None,
    kind: list[str] | None = None, failed_at_least: int = 0, limit: int = 10_000,
) -> Any:  # fmt: skip
    """Attempts by their moment, in buckets; ``by`` splits each bucket by a dimension (``value``).

    ``failed_at_least`` leaves out buckets with fewer failed attempts.
    """
    found = moments(since, until, workflow_type, kind, typed=by is not None and ask_by(by) == "workflow_type")
    keys = {"bucket": bucket(found["moment"], bucket_ms)}
    if by is not None:
        keys["value"] = dimension(found, by)
    bad, useful = failed(found), found["useful"].fill_null(False)
    series = found.group_by(**keys).aggregate(
        attempts=found.count(),
        retries=_count(found["attempt"] > 1),
        failed=_count(bad),
        rate_limited=_count(found["http_status"] == 429),
        backoff_ms=found["backoff_ms"].sum(),
        backoff_p95_ms=found["backoff_ms"].quantile(0.95),
        queue_p50_ms=found["queue_ms"].quantile(0.5),
        queue_p95_ms=found["queue_ms"].quantile(0.95),
        run_p95_ms=found["run_ms"].quantile(0.95),
        useful_input=found["tokens_input"].sum(where=useful),
        useful_output=found["tokens_output"].sum(where=useful),
        wasted_input=found["tokens_input"].sum(where=~useful),
        wasted_output=found["tokens_output"].sum(where=~useful),
        cost_billed=found["cost"].sum(),
        cost_wasted=found["cost"].sum(where=~useful),
        unknown=_count(unknown(found)),
        unpriced=_count(found["cost"].isnull() & (found["tokens_input"].notnull() | found["tokens_output"].notnull())),
    )
    if failed_at_least:
        series = series.filter(series["failed"] >= failed_at_least)
    return series.order_by(list(keys)).limit(limit)


def shared_values(
    since: int | None = None, until: int | None = None, bad: str = "failed", fingerprint: str | None = None,
    workflow_type: list[str] | None = None, threshold_ms: int = 1000,
) -> Any:  # fmt: skip
    """How a selection of attempts differs from the rest: by ``attribute`` and ``value``, how many are in each.

    ``bad`` chooses the selection: failed | retried | slow_queue | slow_run (over ``threshold_ms``) | wasted; a
    ``fingerprint`` chooses the attempts that failed that way instead.
    """
    found = moments(since, until, workflow_type, typed=True)
    choices = {
        "failed": failed(found),
        "retried": found["attempt"] > 1,
        "slow_queue": found["queue_ms"] > threshold_ms,
        "slow_run": found["run_ms"] > threshold_ms,
        "wasted": ~found["useful"].fill_null(False) & (found["tokens_input"] > 0),
    }
    if bad not in choices:
        raise UsageError(f"there is no selection {bad!r} of attempts; there are: {', '.join(choices)}")
    chosen = choices[bad] if fingerprint is None else found["fingerprint"] == fingerprint
    found = found.mutate(bad_=chosen.fill_null(False))
    parts = [
        found.group_by(value=found[name].fill_null("(none)"))
        .aggregate(selected=_count(found["bad_"]), rest=_count(~found["bad_"]))
        .select(attribute=ibis.literal(name), value="value", selected="selected", rest="rest")
        for name in SHARED
    ]
    union = ibis.union(*parts, distinct=False)
    return union.order_by([union["attribute"], union["selected"].desc(), union["rest"].desc(), union["value"]])
