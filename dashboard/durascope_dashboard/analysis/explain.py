"""One paragraph of plain words on a run, computed from its joined rows: what a colleague would say of it.

"Took 4 m 12 s, 2.3x its type's median. 61 % was backoff of `search` (429 from the provider, 5 attempts, server asked
20 s each). 18 % of tokens were wasted." Every sentence follows from numbers on the same page; none is guessed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from durascope_dashboard import units
from durascope_dashboard.analysis.critical_path import CriticalPath, critical_path
from durascope_dashboard.analysis.rows import Row, Rows, one, records

WORTH_A_WORD = 0.15
"""Share of the run's time from which a class of it is named."""
ENOUGH_RUNS = 5
"""Closed runs of a type from which its median means something."""

FAILED = ("failed", "timed_out")
"""Statuses of which the paragraph says why."""

_OPERATION = ("operation_id", "kind", "name", "agent", "status", "attempts", "max_attempts", "queue_ms", "run_ms",
              "backoff_ms", "task_queue", "error_type", "error_message", "detail", "scheduled", "closed")  # fmt: skip
_ATTEMPT = ("operation_id", "attempt", "status", "error_type", "http_status", "retry_by", "retry_delay_ms", "useful",
            "tokens_input", "tokens_output")  # fmt: skip
_RUNNING_CLASS = {"model": ("model",), "tool": ("tool", "mcp"), "activity": ("activity", "local_activity")}
_ENDS = {"completed": "Took", "failed": "Failed after", "cancelled": "Was cancelled after",
         "terminated": "Was terminated after", "timed_out": "Timed out after",
         "continued_as_new": "Continued as new after", "running": "Has been running for"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Explanation:
    """The sentences, most telling first; ``text`` is the paragraph (backticks around names, as in Markdown)."""

    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        """One paragraph."""
        return " ".join(self.sentences)


def explain(
    run: Row, operations: Rows, attempts: Rows, usual: Row | None = None, path: CriticalPath | None = None
) -> Explanation:
    """Explain a run. ``usual``: what is usual for its workflow type (compare.py), if that is known.

    ``path``: its critical path, where it has been computed already.
    """
    facts = one(run)
    rows, tries = records(operations, _OPERATION), records(attempts, _ATTEMPT)
    path = path or critical_path(run, operations, attempts)
    return Explanation((
        _head(facts, one(usual) if usual else None),
        *_now(facts), *_cause(facts, rows), *_time(facts, rows, tries), *_saving(path, facts, rows),
        *_tokens(facts, rows), *_trust(facts),
    ))  # fmt: skip


def name_of(row: Row) -> str:
    """An operation as a sentence names it: a model call by its agent, the rest by their name."""
    if row["kind"] == "model":
        return f"`{row['agent']}`'s model calls" if row["agent"] else "model calls"
    return f"`{row['name']}`" if row["name"] else str(row["kind"])


def _head(run: dict[str, Any], stats: dict[str, Any] | None) -> str:
    took = f"{_ENDS.get(str(run.get('status')), 'Took')} {units.duration(run.get('duration_ms'))}"
    median = (stats or {}).get("duration_ms")
    if not stats or not median or (stats.get("runs") or 0) < ENOUGH_RUNS or run.get("duration_ms") is None:
        return took + "."
    ratio = run["duration_ms"] / median
    if run.get("status") == "running" and ratio < 1:
        return f"{took} (its type's median is {units.duration(median)})."
    if 0.8 <= ratio <= 1.25:
        return f"{took}, as is usual for its type (median {units.duration(median)})."
    return f"{took}, {_times(ratio)} its type's median ({units.duration(median)} over {stats['runs']} runs)."


def _times(ratio: float) -> str:
    return f"{ratio:.0f}x" if ratio >= 10 else f"{ratio:.1f}x" if ratio >= 0.1 else f"{ratio:.2f}x"


def _now(run: dict[str, Any]) -> Iterator[str]:
    if run.get("status") != "running":
        return
    what = f"`{run['current_operation']}`" if run.get("current_operation") else "something"
    number, limit = run.get("current_attempt"), run.get("current_max_attempts")
    tries = f" (attempt {number}{f' of {limit}' if limit else ''})" if number and number > 1 else ""
    error = f" after {run['last_error_type']}" if run.get("last_error_type") else ""
    waits = {
        "retry": f"Now {what} waits for its next retry{tries}{error}.",
        "worker": f"Now {what} waits for a worker{tries}: nobody polls its task queue, or all are busy.",
        "human": "Now it waits for a signal or an update from outside.",
        "timer": "Now it waits for a timer.",
    }
    found = waits.get(str(run.get("waiting_for")))
    if found:
        yield found
    elif run.get("current_operation"):
        yield f"Now {what} is running{tries}."


def _cause(run: dict[str, Any], operations: list[dict[str, Any]]) -> Iterator[str]:
    if run.get("status") not in FAILED:
        return
    own = run.get("failure_message") or run.get("failure_type")
    told = _error(run.get("failure_type"), run.get("failure_message"))
    failed = [row for row in operations if row["status"] in ("error", "timeout", "lost") and row["closed"] is not None]
    if failed:
        last = max(failed, key=lambda row: row["closed"])
        tried = f" in all {last['attempts']} attempts" if (last["attempts"] or 0) > 1 else ""
        yield f"{_capital(name_of(last))} failed{tried}: {_error(last['error_type'], last['error_message'])}."
        if own and own not in (last["error_message"], last["error_type"]):
            yield f"The workflow ended with {told}."
    elif own:
        yield f"The workflow itself failed: {told}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _error(kind: str | None, message: str | None) -> str:
    first = (message or "").strip().splitlines()
    shown = first[0][:160].rstrip(".") if first else ""
    return f"{kind}: {shown}" if kind and shown and not shown.startswith(kind) else shown or kind or "no error was told"


def _time(run: dict[str, Any], operations: list[dict[str, Any]], attempts: list[dict[str, Any]]) -> Iterator[str]:
    classes = {name: run.get(f"time_{name}_ms") or 0 for name in _DESCRIBED}
    total = sum(classes.values())  # not the duration: an open run's goes on between two countings
    parts = [
        name for name in sorted(classes, key=lambda n: -classes[n]) if total and classes[name] >= WORTH_A_WORD * total
    ]
    for name in parts[:2]:
        yield f"{units.percent(classes[name], total)} was {_DESCRIBED[name](name, operations, attempts)}."


def _largest(operations: Iterable[dict[str, Any]], column: str) -> dict[str, Any] | None:
    """The operation with the most of it, together with all that share its name."""
    sums: Counter[tuple[str, str | None, str | None]] = Counter()
    grouped: dict[tuple[str, str | None, str | None], dict[str, Any]] = {}
    for row in operations:
        key = (row["kind"], row["name"], row["agent"] if row["kind"] == "model" else None)
        sums[key] += row[column] or 0
        group = grouped.setdefault(key, {**row, "members": []})
        group["members"].append(row)
    if not sums or sums.most_common(1)[0][1] <= 0:
        return None
    return grouped[sums.most_common(1)[0][0]]


def _working(name: str, operations: list[dict[str, Any]], _: Any) -> str:
    group = _largest((row for row in operations if row["kind"] in _RUNNING_CLASS[name]), "run_ms")
    verb = {"model": "model time", "tool": "tools at work", "activity": "activities at work"}[name]
    if group is None:
        return verb
    calls = len(group["members"])
    if group["kind"] != "model":
        return f"{verb} (most of it {name_of(group)}{f', {calls} times' if calls > 1 else ''})"
    agent = f" of `{group['agent']}`" if group["agent"] else ""
    return f"{verb} (mostly {'a model call' if calls == 1 else f'{calls} model calls'}{agent})"


def _queueing(_: str, operations: list[dict[str, Any]], __: Any) -> str:
    group = _largest(operations, "queue_ms")
    if group is None:
        return "waiting for a free worker"
    queue = f" on task queue `{group['task_queue']}`" if group["task_queue"] else ""
    return f"waiting for a free worker{queue}, most of it before {name_of(group)}"


def _backing_off(_: str, operations: list[dict[str, Any]], attempts: list[dict[str, Any]]) -> str:
    group = _largest(operations, "backoff_ms")
    if group is None:
        return "backoff between attempts"
    members = {row["operation_id"] for row in group["members"]}
    failed = [a for a in attempts if a["operation_id"] in members and a["status"] in ("error", "timeout", "lost")]
    tries = sum(row["attempts"] or 0 for row in group["members"])
    parts = [*_reasons(failed), f"{tries} attempts", *_asked(failed)]
    return f"backoff of {name_of(group)} ({', '.join(parts)})"


def _reasons(failed: Sequence[dict[str, Any]]) -> list[str]:
    said = Counter(
        f"{a['http_status']} from the provider" if a["http_status"] else a["error_type"]
        for a in failed if a["http_status"] or a["error_type"]
    )  # fmt: skip
    return [str(said.most_common(1)[0][0])] if said else []


def _asked(failed: Sequence[dict[str, Any]]) -> list[str]:
    delays = [a["retry_delay_ms"] for a in failed if a["retry_by"] == "server" and a["retry_delay_ms"]]
    if not delays:
        return []
    if max(delays) - min(delays) < 0.05 * max(delays):
        return [f"server asked {units.duration(max(delays))}{' each' if len(delays) > 1 else ''}"]
    return [f"server asked {units.duration(min(delays))} to {units.duration(max(delays))}"]


def _outside(_: str, operations: list[dict[str, Any]], __: Any) -> str:
    children = [row for row in operations if row["kind"] == "child"]
    if children and not any(row["kind"] == "human_wait" for row in operations):
        return (
            f"waiting for {'a child workflow' if len(children) == 1 else 'child workflows'} (`{children[0]['name']}`)"
        )
    return "waiting for somebody outside: a signal, an update or a child workflow"


_DESCRIBED = {
    "model": _working, "tool": _working, "activity": _working, "queue": _queueing, "backoff": _backing_off,
    "external_wait": _outside,
    "timer": lambda *_: "waiting for timers",
    "workflow_task": lambda *_: "workflow tasks: the workflow's own code, or its wait for a workflow worker",
    "unexplained": lambda *_: "not explained by anything that was seen",
}  # fmt: skip


def _saving(path: CriticalPath, run: dict[str, Any], operations: list[dict[str, Any]]) -> Iterator[str]:
    worth = max(1000.0, 0.05 * (run.get("duration_ms") or 0))
    if path.savings and path.savings[0].saved_ms >= worth:
        best = path.savings[0]
        name = next((name_of(row) for row in operations if row["operation_id"] == best.operation_id), f"`{best.name}`")
        which = f"the retry of {name}" if best.attempt is not None else f"the retries of {name}"
        yield best.sentence.replace("this retry", which).replace("these retries", which)


def _tokens(run: dict[str, Any], operations: list[dict[str, Any]]) -> Iterator[str]:
    billed, wasted = (
        sum(run.get(f"{part}_{kind}") or 0 for kind in ("input", "output")) for part in ("billed", "wasted")
    )
    unknown = run.get("unknown_attempts") or 0
    least = f"; {_attempts(unknown)} more used tokens that nobody counted" if unknown else ""
    if wasted:
        cost = f", {units.money(run.get('cost_wasted'))}" if run.get("cost_wasted") else ""
        yield f"{units.percent(wasted, billed)} of tokens were wasted ({units.tokens(wasted)}{cost}){least}."
    elif unknown:
        yield f"The tokens of {_attempts(unknown)} are unknown."


def _attempts(count: int) -> str:
    return "1 attempt" if count == 1 else f"{count} attempts"


def _trust(run: dict[str, Any]) -> Iterator[str]:
    missing, whole = run.get("reconstructed") or 0, run.get("history_attempts") or 0
    if missing and missing == whole:
        guessed = ": times of failed attempts are estimates" if run.get("retries") else ""
        yield f"All of this is from history alone{guessed}."
    elif missing:
        yield f"{_capital(_attempts(missing))} of {whole} left no telemetry: their times are estimates."
