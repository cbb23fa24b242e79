"""What a soak is checked against: Temporal's own histories and the model server's own log. Pure, given both."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sample_workflows.model_server import RequestRecord

RunKey = tuple[str, str]  # workflow id, run id
KINDS = ("input", "cached_input", "output", "reasoning", "cache_write")
SLACK_S = 1.0  # between the model server's clock readings and an attempt's, on one machine
Row = Mapping[str, Any]


@dataclass
class Verdict:
    """Figures for people, and every discrepancy as a line; a soak without one has passed."""

    figures: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def found(self, what: str, examples: Sequence[object]) -> None:
        """Count something that must not be; a few examples are kept."""
        self.figures[what] = len(examples)
        if examples:
            self.problems.append(f"{len(examples)} {what}, such as {', '.join(map(str, examples[:3]))}")


def check_runs(verdict: Verdict, temporal: Mapping[RunKey, str], seen: Mapping[RunKey, str]) -> None:
    """Every run that Temporal has is here once, with the same status, and no other."""
    verdict.figures["runs"] = len(temporal)
    verdict.found("runs missing", sorted(temporal.keys() - seen.keys()))
    verdict.found("runs that Temporal does not have", sorted(seen.keys() - temporal.keys()))
    both = temporal.keys() & seen.keys()
    verdict.found(
        "statuses that differ", [(*key, temporal[key], seen[key]) for key in both if temporal[key] != seen[key]]
    )


def check_attempts(verdict: Verdict, final: Mapping[tuple[str, str, str], int], attempts: Iterable[Row]) -> None:
    """``final``: each closed activity's last attempt number by history. All attempts up to it are here, each once."""
    numbers: dict[tuple[str, str, str], list[int]] = {}
    for row in attempts:
        if row["activity_id"]:
            numbers.setdefault((row["workflow_id"], row["run_id"], row["activity_id"]), []).append(row["attempt"])
    verdict.figures["attempts by history"] = sum(final.values())
    wrong = [(key, sorted(numbers.get(key, [])), last) for key, last in final.items()
             if sorted(numbers.get(key, [])) != list(range(1, last + 1))]  # fmt: skip
    verdict.found("activities whose attempts are not those of history", wrong)


def check_coverage(verdict: Verdict, runs: Iterable[Row]) -> None:
    """Nothing that history expects is unaccounted for."""
    runs = list(runs)
    sums = {name: sum(run[name] or 0 for run in runs) for name in (
        "history_attempts", "span_attempts", "reconstructed", "orphan_spans", "duplicate_spans")}  # fmt: skip
    verdict.figures |= sums
    known = sums["span_attempts"] + sums["reconstructed"]
    verdict.figures["coverage"] = known / sums["history_attempts"] if sums["history_attempts"] else 1.0
    verdict.found("runs not wholly covered", [
        (run["workflow_id"], run["history_attempts"], run["span_attempts"], run["reconstructed"]) for run in runs
        if (run["history_attempts"] or 0) != (run["span_attempts"] or 0) + (run["reconstructed"] or 0)
    ])  # fmt: skip
    verdict.found("runs with orphan spans", [run["workflow_id"] for run in runs if run["orphan_spans"]])


def check_ledger(verdict: Verdict, log: Iterable[RequestRecord], attempts: Iterable[Row]) -> None:
    """Each answer that the model server sent stands in the ledger once with the same four numbers.

    Or it went to a worker that was killed before it could tell: then an attempt whose tokens are unknown was running
    just then, one for each such answer.
    """
    sent = {record.response_id: record for record in log if record.usage is not None}
    calls = [row for row in attempts if row["kind"] == "model"]
    told = [row for row in calls if row["tokens_input"] is not None]
    ids = [row["response_id"] for row in told]
    verdict.found("attempts billed without an answer of the model server", [i for i in ids if i not in sent])
    verdict.found("answers billed twice", [i for i in set(ids) if ids.count(i) > 1] if len(ids) > len(set(ids)) else [])
    verdict.found("attempts billed with other numbers", [
        row["response_id"] for row in told
        if row["response_id"] in sent and _tokens(row) != _usage(sent[row["response_id"]])
    ])  # fmt: skip
    silent = [record for response_id, record in sent.items() if response_id not in set(ids)]
    unknown = [row for row in calls if row["tokens_input"] is None and row["started"] is not None]
    verdict.found("answers that no attempt can have received", _unmatched(silent, unknown))
    verdict.figures |= {
        "model server: requests answered": len(sent),
        "model server: tokens": _total(sent.values()),
        "ledger: model attempts": len(calls),
        "ledger: attempts with tokens": len(told),
        "ledger: tokens billed": {kind: sum(row[f"tokens_{kind}"] or 0 for row in told) for kind in KINDS},
        "answers sent to workers that were killed": len(silent),
        "tokens sent to workers that were killed": _total(silent),
    }
    left = {kind: verdict.figures["model server: tokens"][kind] - verdict.figures["ledger: tokens billed"][kind]
            - verdict.figures["tokens sent to workers that were killed"][kind] for kind in KINDS}  # fmt: skip
    verdict.found("kinds of tokens that do not add up", [item for item in left.items() if item[1]])


def _unmatched(silent: list[RequestRecord], unknown: list[Row]) -> list[str]:
    """Pair each silent answer with an attempt that ran when it was sent; the answers that found none."""
    free = sorted(unknown, key=lambda row: row["ended"] or 0)
    left = []
    for record in sorted(silent, key=lambda record: record.ended):
        fits = (row for row in free if _ran_at(row, record))
        match = next(fits, None)
        if match is None:
            left.append(str(record.response_id))
        else:
            free.remove(match)
    return left


def _ran_at(row: Row, record: RequestRecord) -> bool:
    begun = row["started"] / 1e6 - SLACK_S <= record.started
    return begun and (row["ended"] is None or record.started <= row["ended"] / 1e6 + SLACK_S)


def _tokens(row: Row) -> tuple[int, ...]:
    return tuple(int(row[f"tokens_{kind}"] or 0) for kind in KINDS)


def _usage(record: RequestRecord) -> tuple[int, ...]:
    assert record.usage is not None
    return (
        record.usage.input,
        record.usage.cached_input,
        record.usage.output,
        record.usage.reasoning,
        record.usage.cache_write,
    )


def _total(records: Iterable[RequestRecord]) -> dict[str, int]:
    usages = [_usage(record) for record in records]
    return {kind: sum(usage[place] for usage in usages) for place, kind in enumerate(KINDS)}
