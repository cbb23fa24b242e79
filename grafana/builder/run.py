"""Run: one run, found by its workflow id, as its trace in Tempo; the whole story is one click away in Durascope."""

from grafana_foundation_sdk.builders import dashboard as build

from durascope import conventions as c
from grafana.builder import links, panels
from grafana.builder.board import board
from grafana.builder.queries import Prom
from grafana.builder.variables import addresses, sources, textbox, values

RUN = f'span.{c.WORKFLOW_ID} = "$workflow_id"'
ATTEMPTS = f'{RUN} && span.{c.KIND} = "{c.SPAN_ATTEMPT}"'
SHOWN = ", ".join(
    f"span.{name}" for name in (c.ACTIVITY_TYPE, c.ATTEMPT, c.OUTCOME, c.ERROR_TYPE, c.WORKER, c.GEN_AI_REQUEST_MODEL)
)


def dashboard() -> build.Dashboard:
    """The whole dashboard."""
    choices = [
        *sources(), values("namespace", "Namespace", "durascope_fleet_attempts_total", multi=False),
        textbox("workflow_id", "Workflow id", "Which run to look at."),
        textbox("run_id", "Run id", "One run of the workflow id; the newest if it is empty."),
        textbox("trace_id", "Trace id", "Comes with a click on a run below."),
        *addresses(),
    ]  # fmt: skip
    rows = {"Find": _find(), "Attempts": _attempts(), "Trace": _trace()}
    return board("run", "Run", "One run: its trace, its attempts, and links to the rest.", choices, rows)


def _find() -> list[panels.Panel]:
    runs = f'{{ {RUN} && span.{c.KIND} = "{c.SPAN_WORKFLOW}" }}'
    says = "A click on a trace id shows it below."
    words = (
        "Enter a **workflow id** above. Queue waits, backoffs, tokens and the reasons of retries, attempt by attempt: "
        "[open this run in Durascope](${durascope}/run?workflow_id=${workflow_id:percentencode}&"
        "run_id=${run_id:percentencode}&namespace=${namespace:percentencode})."
    )
    found = panels.spans("Runs of this workflow id", says, runs, links.run(), height=6)
    found.override_by_name("traceID", [panels.cell_link("Show this trace", _shown("${__value.raw}"))])
    return [panels.note("This run", words, links.run()), found]


def _shown(trace_id: str) -> str:
    choice = "${workflow_id:queryparam}&${namespace:queryparam}"
    return f"/d/durascope-run?{choice}&var-trace_id={trace_id}&${{__url_time_range}}"


def _attempts() -> list[panels.Panel]:
    spans = "{ " + ATTEMPTS + " }"
    return [
        panels.spans("Attempts", "Each attempt of each activity.", f"{spans} | select({SHOWN})", links.run()),
        panels.spans("Failed attempts", "With their error types.",
                     f"{{ {ATTEMPTS} && status = error }} | select({SHOWN})", links.run(), height=7),
        panels.traced("Attempts, by outcome", "When they started.",
                      f"{spans} | count_over_time() by (span.{c.OUTCOME})", links.run()),
        panels.traced("Run time, 95 % of attempts take less", "By activity type.",
                      f"{spans} | quantile_over_time(duration, 0.95) by (span.{c.ACTIVITY_TYPE})", links.run(),
                      unit="s"),
        panels.traced("Output tokens", "Of the attempts and model spans that started, by model.",
                      f"{{ {RUN} && span.{c.GEN_AI_OUTPUT_TOKENS} > 0 }} | "
                      f"sum_over_time(span.{c.GEN_AI_OUTPUT_TOKENS}) by (span.{c.GEN_AI_REQUEST_MODEL})", links.run()),
    ]  # fmt: skip


def _trace() -> list[panels.Panel]:
    graph = Prom('sum by (client, server) (rate(traces_service_graph_request_total[$__rate_interval]))',
                 "{{client}} -> {{server}}")  # fmt: skip
    return [
        panels.trace("Trace", "Run, agents, operations, attempts.", "$trace_id", links.run(), "traces"),
        panels.trace("Who called whom", "The same trace as a graph.", "$trace_id", links.run(), "nodeGraph"),
        panels.graph("Calls between services", "A second, from Tempo's service graph.", [graph], links.run(), width=24),
    ]
