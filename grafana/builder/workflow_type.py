"""Workflow type: one type in depth, by agent, model, tool and build, with exemplars that lead into traces."""

from grafana_foundation_sdk.builders import dashboard as build

from grafana.builder import links, panels
from grafana.builder.board import board
from grafana.builder.queries import Prom, fleet, growth, increase, quantile, rate
from grafana.builder.variables import addresses, sources, values

RUNS, ATTEMPTS, RETRIES = fleet("runs_total"), fleet("attempts_total"), fleet("retries_total")
BILLED = fleet("tokens_total", 'type=~"input|output"')
INPUT, OUTPUT = (fleet("tokens_total", f'type="{kind}"') for kind in ("input", "output"))
WASTED = fleet("tokens_total", 'type=~"input|output"', 'use="wasted"')
COST, UNKNOWN = fleet("cost_usd_total"), fleet("attempts_unknown_tokens_total")
MODEL, TOOL = 'kind="model"', 'kind!="model"'
LINKS = links.one_type
# What workers say themselves, by OpenTelemetry. Their attributes become labels with underscores.
WORKER = '{durascope_workflow_type=~"$workflow_type"}'


def dashboard() -> build.Dashboard:
    """The whole dashboard."""
    one = 'durascope_fleet_attempts_total{namespace=~"$namespace"}'
    choices = [
        *sources(), values("namespace", "Namespace", "durascope_fleet_attempts_total", multi=False),
        values("workflow_type", "Workflow type", one, multi=False), *addresses(),
    ]  # fmt: skip
    rows = {
        "${workflow_type}": _glance(), "Runs": _runs(), "By agent and by model": _models(), "By tool": _tools(),
        "By build": _builds(), "From the workers, with exemplars": _workers(),
    }  # fmt: skip
    says = "One workflow type: what each agent, model, tool and build does."
    return board("type", "Workflow type", says, choices, rows)


def _glance() -> list[panels.Panel]:
    ended = fleet("runs_total", 'status!~"cancelled|terminated"')
    good = fleet("runs_total", 'status=~"completed|continued_as_new"')
    return [
        panels.number("Runs closed", "In the period.", increase(RUNS), LINKS()),
        panels.number("Succeeded", "Of the runs that ended by themselves.", f"{increase(good)} / {increase(ended)}",
                      LINKS(), unit="percentunit", steps=panels.GOOD_HIGH),
        panels.number("Attempts a run", "All attempts of all operations, on average.",
                      f"{increase(ATTEMPTS)} / {increase(RUNS)}", LINKS()),
        panels.number("Retry rate", "Attempts after the first, of all attempts.",
                      f"{increase(RETRIES)} / {increase(ATTEMPTS)}", LINKS("Retrying now"), unit="percentunit",
                      steps=panels.GOOD_LOW),
        panels.number("Tokens a run", "Billed input and output, on average.", f"{increase(BILLED)} / {increase(RUNS)}",
                      LINKS()),
        panels.number("Wasted", "Billed tokens of attempts that were not their operation's success.",
                      f"{increase(WASTED)} / {increase(BILLED)}", LINKS("Most wasted tokens"), unit="percentunit",
                      steps=panels.GOOD_LOW),
        panels.number("Cost a run", "By list price, on average.", f"{increase(COST)} / {increase(RUNS)}", LINKS(),
                      unit="currencyUSD"),
        panels.number("Usage unknown", "Model attempts whose tokens nobody saw.", increase(UNKNOWN), LINKS()),
    ]  # fmt: skip


def _runs() -> list[panels.Panel]:
    duration = fleet("run_duration_seconds")
    return [
        panels.graph("Runs closed, by status", "In each step.", [Prom(growth(RUNS, "status"), "{{status}}")], LINKS(),
                     stacked=True),
        panels.heat("Run duration", "Runs that closed in each step; a dot is a run and leads to its trace.", duration,
                    LINKS(), width=8),
        panels.graph("Where the time went", "Of runs that closed.",
                     [Prom(rate(fleet("time_seconds_total"), "class"), "{{class}}")], LINKS(), unit="s", percent=True),
        panels.graph("Queue wait and run time, 95 %", "By kind of work.", [
            Prom(quantile(0.95, fleet("attempt_queue_time_seconds"), "kind"), "queue, {{kind}}"),
            Prom(quantile(0.95, fleet("attempt_run_time_seconds"), "kind"), "run, {{kind}}"),
        ], LINKS("Queue-starved"), unit="s", width=12),
        panels.graph("Longest history of an open run", "Temporal ends a run at 51,200 events or 50 MB.", [
            Prom(f"max({fleet('open_run_history_events')}) / 51200", "events"),
            Prom(f"max({fleet('open_run_history_size_bytes')}) / 52428800", "size"),
        ], LINKS(), unit="percentunit", width=12),
    ]  # fmt: skip


def _models() -> list[panels.Panel]:
    def ledger(by: str) -> dict[str, tuple[str, str]]:
        calls, retries = fleet("attempts_total", MODEL), fleet("retries_total", MODEL)
        return {
            "Calls": (increase(calls, by), "short"),
            "Retry rate": (f"{increase(retries, by)} / {increase(calls, by)}", "percentunit"),
            "Input": (increase(INPUT, by), "short"), "Output": (increase(OUTPUT, by), "short"),
            "Wasted": (f"{increase(WASTED, by)} / {increase(BILLED, by)}", "percentunit"),
            "Unknown": (increase(UNKNOWN, by), "short"), "Cost": (increase(COST, by), "currencyUSD"),
        }  # fmt: skip

    return [
        panels.rows("Agents", "Their model calls.", "agent", ledger("agent"), LINKS(), order="Cost"),
        panels.rows("Models", "As requested.", "model", ledger("model"), LINKS(), order="Cost"),
        panels.graph("Cost an hour, by agent", "By list price.",
                     [Prom(f"{rate(COST, 'agent')} * 3600", "{{agent}}")], LINKS(), unit="currencyUSD", stacked=True,
                     width=12),
        panels.graph("Model calls, by outcome", "In each step.",
                     [Prom(growth(fleet("attempts_total", MODEL), "status"), "{{status}}")], LINKS(), stacked=True,
                     width=12),
    ]  # fmt: skip


def _tools() -> list[panels.Panel]:
    calls, retries = fleet("attempts_total", TOOL), fleet("retries_total", TOOL)
    failed = fleet("attempts_total", TOOL, 'status!="ok"')
    errors = increase(fleet("attempt_errors_total"), "name, error")
    columns = {
        "Attempts": (increase(calls, "name"), "short"), "Failed": (increase(failed, "name"), "short"),
        "Retry rate": (f"{increase(retries, 'name')} / {increase(calls, 'name')}", "percentunit"),
    }  # fmt: skip
    return [
        panels.rows("Tools and other activities", "All but model calls.", "name", columns, LINKS()),
        panels.bars("Most frequent errors", "By what failed and how.", f"topk(10, {errors})", "{{name}}: {{error}}",
                    LINKS("Retrying now"), width=12),
    ]  # fmt: skip


def _builds() -> list[panels.Panel]:
    failed, by = fleet("attempts_total", 'status!="ok"'), "build_id"
    columns = {
        "Attempts": (increase(ATTEMPTS, by), "short"), "Failed": (increase(failed, by), "short"),
        "Wasted": (f"{increase(WASTED, by)} / {increase(BILLED, by)}", "percentunit"),
        "Cost": (increase(COST, by), "currencyUSD"),
    }  # fmt: skip
    says = "History knows the build of an operation's last attempt; of earlier ones only spans may tell."
    return [
        panels.rows("Builds", says, by, columns, LINKS()),
        panels.graph("Attempts, by build", "In each step.", [Prom(growth(ATTEMPTS, by), "{{build_id}}")], LINKS(),
                     stacked=True, width=12),
    ]  # fmt: skip


def _workers() -> list[panels.Panel]:
    run_time, by = f"durascope_attempt_run_time_seconds{WORKER}", "temporalActivityType"
    calls, model = "gen_ai_client_operation_duration_seconds", "gen_ai_request_model"
    return [
        panels.graph("Attempt run time, 95 %", "By activity type; a dot is an attempt and leads to its trace.",
                     [Prom(quantile(0.95, run_time, by), "{{temporalActivityType}}", exemplar=True)], LINKS(),
                     unit="s"),
        panels.graph("Model call, 95 %", "By model, over all workflow types; a dot leads to its trace.",
                     [Prom(quantile(0.95, calls, model), "{{gen_ai_request_model}}", exemplar=True)], LINKS(),
                     unit="s"),
        panels.graph("Attempts, by outcome, as workers count them", "In each step.",
                     [Prom(growth(f"durascope_attempts_total{WORKER}", "durascope_outcome"), "{{durascope_outcome}}")],
                     LINKS(), stacked=True),
    ]  # fmt: skip
