"""The kinds of panels, each with the look it has everywhere. ``width`` is in Grafana's 24 columns."""

from collections.abc import Sequence
from typing import Any

from grafana_foundation_sdk.builders import bargauge, common, heatmap, stat, table, text, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import common as model
from grafana_foundation_sdk.models import dashboard as dash
from grafana_foundation_sdk.models import text as text_model

from grafana.builder.queries import PROMETHEUS, TEMPO, Prom, Query, TraceQL

Links = Sequence[build.DashboardLink]
Steps = Sequence[tuple[float | None, str]]
GOOD_HIGH: Steps = ((None, "red"), (0.9, "yellow"), (0.99, "green"))
GOOD_LOW: Steps = ((None, "green"), (0.05, "yellow"), (0.2, "red"))
PLAIN: Steps = ((None, "text"),)
# Status -> colour, the same as in Durascope.
COLOURS = {
    "ok": "green", "completed": "green", "useful": "green", "error": "red", "failed": "red", "wasted": "red",
    "timeout": "orange", "timed_out": "orange", "lost": "purple", "cancelled": "blue", "terminated": "dark-red",
    "continued_as_new": "super-light-green", "queue": "yellow", "backoff": "red", "model": "blue", "tool": "green",
    "external_wait": "purple", "timer": "super-light-blue", "workflow_task": "orange", "unexplained": "text",
    "activity": "dark-green",
}  # fmt: skip
COLOURED = ("{{status}}", "{{use}}", "{{class}}", "{{kind}}")


Panel = (
    stat.Panel | timeseries.Panel | bargauge.Panel | heatmap.Panel | table.Panel | text.Panel | build.Panel
)  # what the functions here make


def _base(panel: Any, title: str, says: str, queries: Sequence[Query], links: Links, width: int, height: int) -> Any:
    panel.title(title).description(says).span(width).height(height).links(list(links))
    panel.datasource(TEMPO if any(isinstance(q, TraceQL) for q in queries) else PROMETHEUS)
    for number, query in enumerate(queries):
        panel.with_target(query.target(chr(ord("A") + number)))
    return panel


def _thresholds(steps: Steps) -> build.ThresholdsConfig:
    found = [dash.Threshold(value=value, color=colour) for value, colour in steps]
    return build.ThresholdsConfig().mode(dash.ThresholdsMode.ABSOLUTE).steps(found)


def number(
    title: str, says: str, expr: str, links: Links, *, unit: str = "short", steps: Steps = PLAIN, width: int = 3
) -> stat.Panel:
    """One number for the whole period; a dash when nobody knows, never 0."""
    panel = _base(stat.Panel(), title, says, [Prom(expr, instant=True)], links, width, 4)
    panel.unit(unit).thresholds(_thresholds(steps)).no_value("–").graph_mode(model.BigValueGraphMode.NONE)
    panel.color_mode(model.BigValueColorMode.VALUE)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    assert isinstance(panel, stat.Panel)
    return panel


def graph(
    title: str, says: str, queries: Sequence[Query], links: Links, *, unit: str = "short", stacked: bool = False,
    percent: bool = False, width: int = 8, low: float | None = 0, high: float | None = None,
) -> timeseries.Panel:  # fmt: skip
    """Lines; ``stacked``: bars on each other; ``percent``: shares of the whole."""
    panel = _base(timeseries.Panel(), title, says, queries, links, width, 8)
    legend = common.VizLegendOptions().display_mode(model.LegendDisplayMode.TABLE)
    legend.placement(model.LegendPlacement.BOTTOM).show_legend(True).calcs(["mean", "max"])
    tooltip = common.VizTooltipOptions().mode(model.TooltipDisplayMode.MULTI).sort(model.SortOrder.DESCENDING)
    panel.unit(unit).legend(legend).tooltip(tooltip).line_width(1).fill_opacity(8)
    panel.show_points(model.VisibilityMode.NEVER).span_nulls(False)
    if low is not None:
        panel.min(low)
    if high is not None:
        panel.max(high)
    if stacked or percent:
        mode = model.StackingMode.PERCENT if percent else model.StackingMode.NORMAL
        panel.stacking(common.StackingConfig().mode(mode).group("A")).fill_opacity(60)
        panel.draw_style(model.GraphDrawStyle.LINE if percent else model.GraphDrawStyle.BARS)
    coloured = any(isinstance(query, Prom) and query.legend in COLOURED for query in queries)
    for name, colour in COLOURS.items() if coloured else ():
        panel.override_by_name(name, [dash.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})])
    assert isinstance(panel, timeseries.Panel)
    return panel


def bars(
    title: str, says: str, expr: str, legend: str, links: Links, *, unit: str = "short", width: int = 8
) -> bargauge.Panel:
    """Ranked bars, for the period."""
    panel = _base(bargauge.Panel(), title, says, [Prom(expr, legend, instant=True)], links, width, 8)
    panel.unit(unit).orientation(model.VizOrientation.HORIZONTAL).display_mode(model.BarGaugeDisplayMode.BASIC)
    panel.value_mode(model.BarGaugeValueMode.COLOR).min(0).no_value("none")
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    panel.color_scheme(build.FieldColor().mode(dash.FieldColorModeId.CONTINUOUS_BL_PU))
    # A bar gauge of instant vectors needs series, not one table.
    for target in panel.build().targets or []:
        setattr(target, "format_val", "time_series")  # noqa: B010 - the union of all query types has no such field
    assert isinstance(panel, bargauge.Panel)
    return panel


def heat(title: str, says: str, histogram: str, links: Links, *, width: int = 12) -> heatmap.Panel:
    """How a duration is distributed over time; dots are runs, and lead to their traces."""
    name, _, matchers = histogram.partition("{")
    expr = f"sum by (le) (increase({name}_bucket{{{matchers}[$__rate_interval]))"
    panel = _base(heatmap.Panel(), title, says, [Prom(expr, "{{le}}", exemplar=True, heatmap=True)], links, width, 8)
    panel.calculate(False).y_axis(heatmap.YAxisConfig().unit("s"))
    assert isinstance(panel, heatmap.Panel)
    return panel


def rows(
    title: str, says: str, key: str, columns: dict[str, tuple[str, str]], links: Links, *,
    row_link: dash.DynamicConfigValue | None = None, width: int = 12, order: str | None = None,
) -> table.Panel:  # fmt: skip
    """A table with a row for each value of ``key``: ``columns`` are name -> (expression by that key, unit)."""
    queries = [Prom(expr, instant=True) for expr, _ in columns.values()]
    panel = _base(table.Panel(), title, says, queries, links, width, 9)
    refs = [chr(ord("A") + number) for number in range(len(columns))]
    renamed = {f"Value #{ref}": name for ref, name in zip(refs, columns, strict=True)}
    panel.with_transformation(dash.DataTransformerConfig(id_val="merge", options={}))
    organize = {"excludeByName": {"Time": True}, "renameByName": renamed, "indexByName": {key: 0}}
    panel.with_transformation(dash.DataTransformerConfig(id_val="organize", options=organize))
    for name, (_, unit) in columns.items():
        panel.override_by_name(name, [dash.DynamicConfigValue("unit", unit)])
    if row_link is not None:
        panel.override_by_name(key, [row_link])
    panel.sort_by([common.TableSortByFieldState().display_name(order or next(iter(columns))).desc(True)])
    panel.no_value("–")
    assert isinstance(panel, table.Panel)
    return panel


def cell_link(title: str, url: str) -> dash.DynamicConfigValue:
    """A link on the cells of a column, in the same tab."""
    return dash.DynamicConfigValue("links", [{"title": title, "url": url, "targetBlank": False}])


def spans(title: str, says: str, query: str, links: Links, *, width: int = 24, height: int = 9) -> table.Panel:
    """What a TraceQL search finds."""
    panel = _base(table.Panel(), title, says, [TraceQL(query, spans="select(" in query)], links, width, height)
    assert isinstance(panel, table.Panel)
    return panel


def traced(title: str, says: str, query: str, links: Links, *, unit: str = "short") -> timeseries.Panel:
    """A TraceQL metrics query over time."""
    return graph(title, says, [TraceQL(query)], links, unit=unit)


def trace(title: str, says: str, trace_id: str, links: Links, kind: str) -> build.Panel:
    """One trace: ``kind`` is ``traces`` (the tree) or ``nodeGraph`` (who called whom)."""
    panel = _base(build.Panel(), title, says, [TraceQL(trace_id)], links, 24, 14)
    panel.type(kind)
    assert isinstance(panel, build.Panel)
    return panel


def note(title: str, markdown: str, links: Links, *, width: int = 24, height: int = 3) -> text.Panel:
    """A few words."""
    panel = _base(text.Panel(), title, "", [], links, width, height)
    panel.mode(text_model.TextMode.MARKDOWN).content(markdown)
    assert isinstance(panel, text.Panel)
    return panel
