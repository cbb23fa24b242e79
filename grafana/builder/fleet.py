"""Fleet: is anything wrong, where does the time go and what does it cost, over all workflow types."""

from grafana_foundation_sdk.builders import dashboard as build

from grafana.builder import links, panels
from grafana.builder.board import board
from grafana.builder.queries import Prom, fleet, growth, increase, quantile, rate
from grafana.builder.variables import addresses, sources, values

RUNS, ATTEMPTS, RETRIES, TOKENS = fleet("runs_total"), fleet("attempts_total"), fleet("retries_total"), "tokens_total"
BILLED = fleet(TOKENS, 'type=~"input|output"')
WASTED = fleet(TOKENS, 'type=~"input|output"', 'use="wasted"')
ENDED = fleet("runs_total", 'status!~"cancelled|terminated"')
SUCCEEDED = fleet("runs_total", 'status=~"completed|continued_as_new"')
COST, UNKNOWN = fleet("cost_usd_total"), fleet("attempts_unknown_tokens_total")
NAMESPACE = '{namespace=~"$namespace"}'


def dashboard() -> build.Dashboard:
    """The whole dashboard."""
    choices = [
        *sources(), values("namespace", "Namespace", "durascope_fleet_attempts_total"),
        values("workflow_type", "Workflow type", 'durascope_fleet_attempts_total{namespace=~"$namespace"}'),
        *addresses(),
    ]  # fmt: skip
    rows = {
        "At a glance": _glance(), "Runs": _runs(), "Attempts and retries": _attempts(), "Time": _time(),
        "Tokens and cost": _tokens(), "Telemetry": _telemetry(),
    }  # fmt: skip
    says = "Every durable agent run: outcome, retries, where the time went, tokens and cost."
    return board("fleet", "Fleet", says, choices, rows)


def _glance() -> list[panels.Panel]:
    return [
        panels.number("Runs closed", "In the period.", increase(RUNS), links.fleet()),
        panels.number("Succeeded", "Of the runs that ended by themselves: not cancelled, not terminated.",
                      f"{increase(SUCCEEDED)} / {increase(ENDED)}", links.fleet(status="failed"), unit="percentunit",
                      steps=panels.GOOD_HIGH),
        panels.number("Open runs", "At this moment.", f"sum({fleet('open_runs')})", links.fleet(status="running")),
        panels.number("Retry rate", "Attempts after the first, of all attempts.",
                      f"{increase(RETRIES)} / {increase(ATTEMPTS)}", links.fleet("Retrying now"), unit="percentunit",
                      steps=panels.GOOD_LOW),
        panels.number("Tokens billed", "Input and output of all attempts whose usage is known.", increase(BILLED),
                      links.fleet()),
        panels.number("Wasted", "Billed tokens of attempts that were not their operation's success.",
                      f"{increase(WASTED)} / {increase(BILLED)}", links.fleet("Most wasted tokens"),
                      unit="percentunit", steps=panels.GOOD_LOW),
        panels.number("Cost", "By list price. Models without a price are not in it: see the row Tokens and cost.",
                      increase(COST), links.fleet(), unit="currencyUSD"),
        panels.number("Usage unknown", "Model attempts whose tokens nobody saw. They may have been billed.",
                      increase(UNKNOWN), links.fleet()),
    ]  # fmt: skip


def _runs() -> list[panels.Panel]:
    duration, by = fleet("run_duration_seconds"), "workflow_type"
    return [
        panels.graph("Runs closed, by status", "In each step.", [Prom(growth(RUNS, "status"), "{{status}}")],
                     links.fleet(), stacked=True),
        panels.graph("Run duration", "Of runs that closed; a dot is a run and leads to its trace.",
                     [Prom(quantile(q, duration), f"p{q * 100:g}", exemplar=q == 0.95) for q in (0.5, 0.95, 0.99)],
                     links.fleet(), unit="s"),
        panels.graph("Open runs, by what they wait for", "`worker`: an attempt is due and nobody has taken it.",
                     [Prom(f"sum by (waiting) ({fleet('open_runs')})", "{{waiting}}")], links.fleet(status="running"),
                     stacked=True),
        panels.rows("Workflow types", "A click on a type opens its dashboard.", by, {
            "Runs": (increase(RUNS, by), "short"),
            "Succeeded": (f"{increase(SUCCEEDED, by)} / {increase(ENDED, by)}", "percentunit"),
            "Attempts": (increase(ATTEMPTS, by), "short"),
            "Retry rate": (f"{increase(RETRIES, by)} / {increase(ATTEMPTS, by)}", "percentunit"),
            "Tokens": (increase(BILLED, by), "short"),
            "Wasted": (f"{increase(WASTED, by)} / {increase(BILLED, by)}", "percentunit"),
            "Cost": (increase(COST, by), "currencyUSD"),
        }, links.fleet(), row_link=panels.cell_link("Open this workflow type", links.TO_TYPE), width=24),
    ]  # fmt: skip


def _attempts() -> list[panels.Panel]:
    errors = increase(fleet("attempt_errors_total"), "name, error")
    return [
        panels.graph("Attempts, by outcome", "In each step.", [Prom(growth(ATTEMPTS, "status"), "{{status}}")],
                     links.fleet(), stacked=True),
        panels.graph("Retry rate, by kind", "Attempts after the first, of all attempts.",
                     [Prom(f"{rate(RETRIES, 'kind')} / {rate(ATTEMPTS, 'kind')}", "{{kind}}")],
                     links.fleet("Retrying now"), unit="percentunit"),
        panels.bars("Most frequent errors", "Attempts that failed in the period, by what and how.",
                    f"topk(10, {errors})", "{{name}}: {{error}}", links.fleet("Retrying now")),
        panels.graph("Highest attempt under way", "By workflow type: what goes on retrying.",
                     [Prom(f"max by (workflow_type) ({fleet('open_run_attempt')})", "{{workflow_type}}")],
                     links.fleet("Retrying now"), width=12),
        panels.graph("Failed workflow tasks, by cause", "Non-determinism is among them.",
                     [Prom(growth(fleet("workflow_task_failures_total"), "name"), "{{name}}")], links.fleet(),
                     stacked=True, width=12),
    ]  # fmt: skip


def _time() -> list[panels.Panel]:
    waiting = fleet("open_attempt_age_seconds", 'status="pending"')
    return [
        panels.graph("Where the time went", "Of runs that closed: each moment of each run belongs to one class.",
                     [Prom(rate(fleet("time_seconds_total"), "class"), "{{class}}")], links.fleet(), unit="s",
                     percent=True, width=12),
        panels.graph("Queue wait, 95 % of attempts wait less", "From due, after any backoff, to started.",
                     [Prom(quantile(0.95, fleet("attempt_queue_time_seconds"), "task_queue"), "{{task_queue}}")],
                     links.fleet("Queue-starved"), unit="s", width=12),
        panels.graph("Run time, 95 % of attempts take less", "From started to ended.",
                     [Prom(quantile(0.95, fleet("attempt_run_time_seconds"), "kind"), "{{kind}}")], links.fleet(),
                     unit="s"),
        panels.graph("Backoff, 95 % are shorter", "From the end of an attempt to when the next is due.",
                     [Prom(quantile(0.95, fleet("attempt_backoff_time_seconds"), "kind"), "{{kind}}")],
                     links.fleet("Longest backoff"), unit="s"),
        panels.graph("Longest wait for a worker now", "Of an attempt that is due.",
                     [Prom(f"max by (task_queue) ({waiting})", "{{task_queue}}")], links.fleet("Queue-starved"),
                     unit="s"),
    ]  # fmt: skip


def _tokens() -> list[panels.Panel]:
    calls = increase(fleet("attempts_unpriced_total"), "model")
    return [
        panels.graph("Tokens, useful and wasted", "A second; input and output.", [Prom(rate(BILLED, "use"), "{{use}}")],
                     links.fleet("Most wasted tokens"), stacked=True),
        panels.graph("Tokens, by kind", "A second; cached input is part of input, reasoning of output.",
                     [Prom(rate(fleet(TOKENS), "type"), "{{type}}")], links.fleet()),
        panels.graph("Cost an hour, by model", "By list price.", [Prom(f"{rate(COST, 'model')} * 3600", "{{model}}")],
                     links.fleet(), unit="currencyUSD", stacked=True),
        panels.bars("Wasted tokens, by agent", "In the period.", f"topk(10, {increase(WASTED, 'agent')} > 0)",
                    "{{agent}}", links.fleet("Most wasted tokens")),
        panels.bars("Usage unknown, by model", "Attempts, in the period.",
                    f"topk(10, {increase(UNKNOWN, 'model')} > 0)", "{{model}}", links.fleet()),
        panels.bars("No price, by model", "Attempts whose tokens are known and whose cost is not.",
                    f"topk(10, {calls} > 0)", "{{model}}", links.fleet()),
    ]  # fmt: skip


def _telemetry() -> list[panels.Panel]:
    coverage = f"durascope_fleet_coverage_total{NAMESPACE}"
    seen, known = (coverage.replace("}", f',of="{name}_attempts"}}') for name in ("span", "history"))
    return [
        panels.graph("Coverage", "Attempts that a worker's span told of, of those in Temporal's history. 0 without "
                     "the plugin: history alone is used.", [Prom(f"{growth(seen)} / {growth(known)}", "seen in spans")],
                     links.fleet(), unit="percentunit", high=1),
        panels.graph("How far the collector is behind", "By source.",
                     [Prom("max by (source) (durascope_collector_lag_seconds)", "{{source}}")], links.fleet(),
                     unit="s"),
        panels.graph("The collector takes in", "A second; and what went wrong.",
                     [Prom(rate("durascope_collector_received_total", "what"), "{{what}}"),
                      Prom(rate("durascope_collector_trouble_total", "what"), "trouble: {{what}}")], links.fleet()),
    ]  # fmt: skip
