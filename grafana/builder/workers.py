"""Workers: can they keep up. Temporal SDK and server metrics beside the waits that they cause."""

from grafana_foundation_sdk.builders import dashboard as build

from grafana.builder import links, panels
from grafana.builder.board import board
from grafana.builder.queries import QUEUES, Prom, growth, quantile, rate
from grafana.builder.variables import addresses, sources, values

POLLERS = f"temporal_num_pollers{{{QUEUES}}}"
NAMESPACE = 'namespace=~"$namespace"'
LINKS = links.queue()


def sdk(name: str, *matchers: str) -> str:
    """A metric of the SDK, of the chosen queues."""
    return f"temporal_{name}{{{','.join((QUEUES, *matchers))}}}"


def polling(poller_type: str) -> str:
    """Pollers of one type."""
    return sdk("num_pollers", f'poller_type="{poller_type}"')


def dashboard() -> build.Dashboard:
    """The whole dashboard."""
    choices = [
        *sources(tempo=False), values("namespace", "Namespace", "temporal_num_pollers", multi=False),
        values("task_queue", "Task queue", 'temporal_num_pollers{namespace=~"$namespace"}'), *addresses(),
    ]  # fmt: skip
    rows = {
        "Now": _now(), "Capacity": _capacity(), "Latency": _latency(), "Sticky cache and replay": _cache(),
        "Failures": _failures(), "Temporal server": _server(),
    }  # fmt: skip
    return board("workers", "Workers", "Pollers, slots, backlog, sticky cache and task latencies.", choices, rows)


def _now() -> list[panels.Panel]:
    pending = f'durascope_fleet_open_attempts{{{QUEUES},status="pending"}}'
    oldest = f'durascope_fleet_open_attempt_age_seconds{{{QUEUES},status="pending"}}'
    slots = [sdk(f"worker_task_slots_{name}", 'worker_type="ActivityWorker"') for name in ("used", "available")]
    few = ((None, "red"), (1.0, "green"))
    return [
        panels.number("Activity pollers", "0: nobody takes activities.",
                      f"sum({polling('activity_task')})", LINKS,
                      steps=few, width=4),
        panels.number("Workflow pollers", "Without those of sticky queues.",
                      f"sum({polling('workflow_task')})", LINKS,
                      steps=few, width=4),
        panels.number("Attempts waiting", "Due, and no worker has taken them.", f"sum({pending}) or vector(0)", LINKS,
                      width=4),
        panels.number("Longest wait", "Of those, and of runs whose workflow task is due.",
                      f"max({oldest} or durascope_fleet_open_run_idle_seconds{{{QUEUES}}})", LINKS, unit="s", width=4),
        panels.number("Activity slots used", "Of all that there are.",
                      f"sum({slots[0]}) / (sum({slots[0]}) + sum({slots[1]}))", LINKS, unit="percentunit",
                      steps=((None, "green"), (0.8, "yellow"), (0.95, "red")), width=4),
        panels.number("Workers", "Processes that Prometheus reaches.", f"count(count by (instance) ({POLLERS}))",
                      LINKS, width=4),
    ]  # fmt: skip


def _capacity() -> list[panels.Panel]:
    used, available = (sdk(f"worker_task_slots_{name}") for name in ("used", "available"))
    waiting = f'durascope_fleet_open_attempts{{{QUEUES},status="pending"}}'
    return [
        panels.graph("Pollers", "By queue and what they poll for.",
                     [Prom(f"sum by (task_queue, poller_type) ({POLLERS})", "{{task_queue}} {{poller_type}}")], LINKS),
        panels.graph("Slots used", "Share, by queue and kind of work.", [
            Prom(f"sum by (task_queue, worker_type) ({used}) / (sum by (task_queue, worker_type) ({used}) + "
                 f"sum by (task_queue, worker_type) ({available}))", "{{task_queue}} {{worker_type}}")], LINKS,
            unit="percentunit", high=1),
        panels.graph("Attempts waiting for a worker", "Due, by queue.",
                     [Prom(f"sum by (task_queue) ({waiting})", "{{task_queue}}")], LINKS, stacked=True),
    ]  # fmt: skip


def _latency() -> list[panels.Panel]:
    def p95(name: str) -> Prom:
        return Prom(quantile(0.95, sdk(f"{name}_latency_seconds"), "task_queue"), "{{task_queue}}")

    return [
        panels.graph("Activity: scheduled to started, 95 %", "As the SDK measures it.",
                     [p95("activity_schedule_to_start")], LINKS, unit="s"),
        panels.graph("Activity: execution, 95 %", "Each attempt.", [p95("activity_execution")], LINKS, unit="s"),
        panels.graph("Activity: end to end, 95 %", "Successful ones, from the first schedule.",
                     [p95("activity_succeed_endtoend")], LINKS, unit="s"),
        panels.graph("Workflow task: scheduled to started, 95 %", "High: too few workflow pollers or slots.",
                     [p95("workflow_task_schedule_to_start")], LINKS, unit="s"),
        panels.graph("Workflow task: execution, 95 %", "Near 10 s tasks time out.",
                     [p95("workflow_task_execution")], LINKS, unit="s"),
        panels.graph("Workflow: end to end, 95 %", "As workers see it.", [p95("workflow_endtoend")], LINKS, unit="s"),
    ]  # fmt: skip


def _cache() -> list[panels.Panel]:
    return [
        panels.graph("Cached workflows", "A miss replays the whole history.",
                     [Prom(f"sum by (task_queue) ({sdk('sticky_cache_size')})", "{{task_queue}}")], LINKS),
        panels.graph("Cache hits", "A second.",
                     [Prom(rate(sdk("sticky_cache_hit_total"), "task_queue"), "{{task_queue}}")], LINKS),
        panels.graph("Replay, 95 %", "Time to rebuild a workflow from history.",
                     [Prom(quantile(0.95, sdk("workflow_task_replay_latency_seconds"), "task_queue"),
                           "{{task_queue}}")], LINKS, unit="s"),
    ]  # fmt: skip


def _failures() -> list[panels.Panel]:
    activities = growth(sdk("activity_execution_failed_total"), "activity_type, failure_reason")
    tasks = growth(sdk("workflow_task_execution_failed_total"), "workflow_type, failure_reason")
    return [
        panels.graph("Failed activity attempts", "In each step.",
                     [Prom(activities, "{{activity_type}}: {{failure_reason}}")], LINKS, stacked=True, width=12),
        panels.graph("Failed workflow tasks", "NonDeterminismError: a change of code broke replay.",
                     [Prom(tasks, "{{workflow_type}}: {{failure_reason}}")], LINKS, stacked=True, width=12),
    ]  # fmt: skip


def _server() -> list[panels.Panel]:
    sync, polls = (f"poll_success{suffix}{{{NAMESPACE}}}" for suffix in ("_sync", ""))
    requests = f'service_requests{{{NAMESPACE},service_name="frontend"}}'
    return [
        panels.graph("Requests of workers", "A second, by operation.",
                     [Prom(rate(f"temporal_request_total{{{NAMESPACE}}}", "operation"), "{{operation}}")], LINKS),
        panels.graph("Latency of the server, 95 %", "As workers see it.",
                     [Prom(quantile(0.95, f"temporal_request_latency_seconds{{{NAMESPACE}}}", "operation"),
                           "{{operation}}")], LINKS, unit="s"),
        panels.graph("Tasks matched at once", "Share of polls that found a worker waiting; low: too few pollers.",
                     [Prom(f"{rate(sync, 'taskqueue')} / {rate(polls, 'taskqueue')}", "{{taskqueue}}")], LINKS,
                     unit="percentunit", high=1),
        panels.graph("Requests that the server takes", "A second, by operation.",
                     [Prom(f"topk(10, {rate(requests, 'operation')})", "{{operation}}")], LINKS, width=12),
        panels.graph("Errors of the server", "A second, by type.",
                     [Prom(rate("service_error_with_type", "error_type"), "{{error_type}}")], LINKS, width=12),
    ]  # fmt: skip
