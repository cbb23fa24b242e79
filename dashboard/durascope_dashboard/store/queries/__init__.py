"""Named queries: all that may be asked of a store. One ibis expression each, compiled for the engine at hand.

Parameters are the keyword arguments of the function behind the name; times are microseconds since the epoch.
"""

from durascope_dashboard.exceptions import UnknownQuery
from durascope_dashboard.store.queries import (
    attempts,
    cohorts,
    export,
    fleet,
    metrics,
    relatives,
    runs,
    structure,
    telemetry,
    waste,
)
from durascope_dashboard.store.queries.named import NamedQuery

QUERIES: dict[str, NamedQuery] = {
    query.name: query
    for query in (
        NamedQuery("runs", runs.runs, runs.with_durations),
        NamedQuery("run_totals", runs.run_totals),
        NamedQuery("run", runs.run, runs.with_durations),
        NamedQuery("peers", runs.peers),
        NamedQuery("operations", runs.operations),
        NamedQuery("attempts", runs.attempts),
        NamedQuery("waits", runs.waits),
        NamedQuery("spans", runs.spans),
        NamedQuery("structure", structure.structure),
        NamedQuery("span", structure.span),
        NamedQuery("chain", relatives.chain, runs.with_durations),
        NamedQuery("children", relatives.children, runs.with_durations),
        NamedQuery("facets", fleet.facets),
        NamedQuery("fleet", fleet.fleet),
        NamedQuery("errors", fleet.errors),
        NamedQuery("tokens", fleet.tokens),
        NamedQuery("attempt_groups", attempts.attempt_groups),
        NamedQuery("attempt_series", attempts.attempt_series),
        NamedQuery("shared_values", attempts.shared_values),
        NamedQuery("waste", waste.waste),
        NamedQuery("tools", waste.tools),
        NamedQuery("cohorts", cohorts.cohorts),
        NamedQuery("totals", cohorts.totals),
        NamedQuery("coverage_series", telemetry.coverage_series),
        NamedQuery("ingest_series", telemetry.ingest_series),
        NamedQuery("workers", telemetry.workers),
        NamedQuery("last_errors", telemetry.last_errors),
        NamedQuery("span_sources", telemetry.span_sources),
        NamedQuery("export_operations", export.export_operations),
        NamedQuery("export_attempts", export.export_attempts),
        NamedQuery("export_spans", export.export_spans),
        NamedQuery("metric_runs", metrics.metric_runs),
        NamedQuery("metric_open_runs", metrics.metric_open_runs),
        NamedQuery("metric_open_attempts", metrics.metric_open_attempts),
        NamedQuery("metric_idle_runs", metrics.metric_idle_runs),
        NamedQuery("metric_attempts", metrics.metric_attempts),
        NamedQuery("metric_times", metrics.metric_times),
        NamedQuery("metric_errors", metrics.metric_errors),
        NamedQuery("metric_task_failures", metrics.metric_task_failures),
    )
}


def named(name: str) -> NamedQuery:
    """Look a query up. Raises UnknownQuery."""
    try:
        return QUERIES[name]
    except KeyError:
        raise UnknownQuery(f"there is no query {name!r}; there are: {', '.join(sorted(QUERIES))}, store_info") from None


__all__ = ["QUERIES", "NamedQuery", "named"]
