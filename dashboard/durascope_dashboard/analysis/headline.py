"""A comparison in words: its numbers by name and unit, and one sentence on top. For the page and the command line."""

from typing import Final

from durascope_dashboard import units
from durascope_dashboard.analysis.compare import Comparison, Delta

NAMES: Final = {
    "duration_ms": "Wall time", "busy_ms": "Busy (model, tools, activities)", "time_model_ms": "Model",
    "time_tool_ms": "Tools", "time_activity_ms": "Other activities", "time_queue_ms": "Queue wait",
    "time_backoff_ms": "Backoff", "time_external_wait_ms": "External wait", "time_timer_ms": "Timers",
    "time_workflow_task_ms": "Workflow tasks", "time_unexplained_ms": "Unexplained", "operations": "Operations",
    "attempts": "Attempts", "retries": "Retries", "failed_attempts": "Failed attempts", "model_calls": "Model calls",
    "tool_calls": "Tool calls", "billed_input": "Input tokens", "billed_cached_input": "of them cached",
    "billed_output": "Output tokens", "billed_reasoning": "of them reasoning", "wasted_tokens": "Wasted tokens",
    "waste_share": "Waste", "unknown_attempts": "Attempts of unknown usage", "cost_billed": "Cost",
    "cost_wasted": "Wasted cost",
}  # fmt: skip
_CLASSES: Final = (
    "time_model_ms", "time_tool_ms", "time_activity_ms", "time_queue_ms", "time_backoff_ms", "time_external_wait_ms",
    "time_timer_ms", "time_workflow_task_ms", "time_unexplained_ms",
)  # fmt: skip


def words(value: float | None, unit: str, *, signed: bool = False) -> str:
    """A number with its unit; ``signed`` puts a plus before what rose."""
    if value is None:
        return units.UNKNOWN
    if unit == "share":
        found = f"{100 * value:.1f} %".replace("-", "−")
    elif unit == "ms":
        found = units.duration(value) if abs(value) >= 1 or value == 0 else "<1 ms"
    elif unit == "usd":
        found = units.money(value)
    else:
        whole = float(value).is_integer()
        found = f"{value:,.0f}".replace("-", "−") if whole else f"{value:,.1f}".replace("-", "−")
    return f"+{found}" if signed and value > 0 and found[0] != "<" else found


def share(delta: Delta) -> str:
    """The change in percent of A: ``+12 %``, ``<1 %``; "" if there is none, or nothing to measure it by."""
    if not delta.change or not delta.a:
        return ""
    percent = 100 * delta.change / delta.a
    return "<1 %" if abs(percent) < 0.5 else f"{percent:+,.0f} %".replace("-", "−")


def headline(found: Comparison) -> str:
    """One sentence: how much longer B (A, than the median) took, and which classes of time made it so."""
    one, other = "B", "A"
    by_name = {delta.name: delta for delta in found.deltas}
    if "runs" in found.b:  # of a run and the median of its type, the run is what is told of
        one, other = "A", "the median"
        by_name = {name: Delta(name, delta.unit, delta.b, delta.a) for name, delta in by_name.items()}
    took = by_name["duration_ms"]
    if (change := took.change) is None:
        return "How long they took cannot be compared: one of the durations is unknown."
    if took.negligible:
        return "Both took the same time."
    parts = [(NAMES[name].lower(), by_name[name].change or 0.0) for name in _CLASSES]
    parts = sorted((p for p in parts if p[1] * change > 0), key=lambda p: -abs(p[1]))[:3]
    relative = f" ({share(took)})" if took.a else ""
    start = f"{one} took {units.duration(abs(change))} {'longer' if change > 0 else 'less'} than {other}{relative}"
    why = ", ".join(f"{name} {words(value, 'ms', signed=True)}" for name, value in parts)
    return f"{start}: {why}." if why else f"{start}."
