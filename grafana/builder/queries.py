"""Queries of panels: PromQL and TraceQL with what a panel needs to know of each."""

from dataclasses import dataclass

from grafana_foundation_sdk.builders import prometheus, tempo
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import tempo as tempo_model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

PROMETHEUS = common.DataSourceRef(type_val="prometheus", uid="${prometheus}")
TEMPO = common.DataSourceRef(type_val="tempo", uid="${tempo}")

CHOSEN = 'namespace=~"$namespace",workflow_type=~"$workflow_type"'
QUEUES = 'namespace=~"$namespace",task_queue=~"$task_queue"'


def fleet(name: str, *matchers: str) -> str:
    """A metric of the collector, narrowed to what the dashboard's variables choose."""
    return f"durascope_fleet_{name}{{{','.join((CHOSEN, *matchers))}}}"


def increase(metric: str, by: str = "", over: str = "$__range") -> str:
    """How much a counter grew in the period of the dashboard (or in another), summed."""
    return f"sum{f' by ({by})' if by else ''} (increase({metric}[{over}]))"


def growth(metric: str, by: str = "") -> str:
    """How much a counter grew in each step of a graph."""
    return increase(metric, by, "$__rate_interval")


def rate(metric: str, by: str = "") -> str:
    """A counter a second."""
    return f"sum{f' by ({by})' if by else ''} (rate({metric}[$__rate_interval]))"


def quantile(q: float, histogram: str, by: str = "") -> str:
    """A quantile of a classic histogram; ``histogram`` without ``_bucket``, but with its matchers."""
    name, _, matchers = histogram.partition("{")
    buckets = f"{name}_bucket{{{matchers}" if matchers else f"{name}_bucket"
    labels = f"{by}, le" if by else "le"
    return f"histogram_quantile({q:g}, sum by ({labels}) (rate({buckets}[$__rate_interval])))"


@dataclass(frozen=True)
class Prom:
    """One PromQL query. ``exemplar``: dots that lead to the trace of a run."""

    expr: str
    legend: str = ""
    instant: bool = False
    exemplar: bool = False
    heatmap: bool = False

    def target(self, ref: str) -> prometheus.Dataquery:
        """As Grafana stores it."""
        query = prometheus.Dataquery().ref_id(ref).datasource(PROMETHEUS).expr(self.expr)
        query.legend_format(self.legend or "__auto").exemplar(self.exemplar)
        query = query.instant() if self.instant else query.range()
        if self.heatmap:
            return query.format(PromQueryFormat.HEATMAP)
        return query.format(PromQueryFormat.TABLE if self.instant else PromQueryFormat.TIME_SERIES)


@dataclass(frozen=True)
class TraceQL:
    """One TraceQL query. ``spans``: a row a span instead of a row a trace."""

    query: str
    spans: bool = False
    limit: int = 200

    def target(self, ref: str) -> tempo.Dataquery:
        """As Grafana stores it."""
        table = tempo_model.SearchTableType.SPANS if self.spans else tempo_model.SearchTableType.TRACES
        query = tempo.Dataquery().ref_id(ref).datasource(TEMPO).query_type("traceql").query(self.query)
        # spss: spans a trace that a search answers with; attempts of one run are in one trace.
        return query.limit(self.limit).spss(self.limit).table_type(table)


Query = Prom | TraceQL
