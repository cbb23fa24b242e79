"""Whether the numbers can be trusted: one line a check, with what was found and what to do. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from durascope_dashboard import units

SKEW_MS: Final = 500.0
LAG_S: Final = 5.0
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """``good`` is None where it cannot be said."""

    good: bool | None
    check: str
    found: str
    advice: str = ""

    def cells(self) -> list[str]:
        """As a row of a table."""
        return [{True: "✓ good", False: "✕ look", None: "– unknown"}[self.good], self.check, self.found, self.advice]


def verdicts(total: Row, health: Mapping[str, Any], workers: Iterable[Row]) -> list[Verdict]:
    """``total``: the row of the query ``totals``; ``health``: the collector's; ``workers``: rows of that query."""
    return [
        _coverage(total), _history(total), _orphans(total), _tokens(total), _ingest(health), _follower(health),
        _clocks(workers),
    ]  # fmt: skip


def _coverage(total: Row) -> Verdict:
    expected, seen = total["history_attempts"] or 0, total["span_attempts"] or 0
    if not expected:
        return Verdict(None, "Attempts seen by workers", "history counts no attempt in this period")
    found = f"{seen:,} of {expected:,} ({units.percent(min(seen, expected), expected)})"
    if seen >= expected:
        return Verdict(True, "Attempts seen by workers", found)
    advice = "Add DurascopePlugin() to every worker: without it, times of middle attempts are estimates."
    return Verdict(False, "Attempts seen by workers", found, advice)


def _history(total: Row) -> Verdict:
    without = total["without_history"] or 0
    check = "Runs with Temporal's history"
    if not total["runs"]:
        return Verdict(None, check, "no runs in this period")
    found = f"{total['runs'] - without:,} of {total['runs']:,}"
    advice = "Let the collector follow Temporal (durascope collect), or read what it missed: durascope backfill."
    return Verdict(True, check, found) if not without else Verdict(False, check, found, advice)


def _orphans(total: Row) -> Verdict:
    orphans, duplicates = total["orphan_spans"] or 0, total["duplicate_spans"] or 0
    found = f"{orphans:,} orphans, {duplicates:,} duplicates ignored"
    advice = "Orphans are attempts that history does not count: is the whole history there?"
    return Verdict(not orphans, "Spans that fit", found, advice if orphans else "")


def _tokens(total: Row) -> Verdict:
    unknown = total["unknown_attempts"] or 0
    found = (
        f"{unknown:,} model attempts with unknown tokens; {total['unpriced'] or 0:,} runs with a model without price"
    )
    advice = "Sums of tokens and cost are lower bounds: failed calls often end before the provider tells their usage."
    bad = unknown or total["unpriced"]
    return Verdict(not bad, "Tokens and prices", found, advice if bad else "")


def _ingest(health: Mapping[str, Any]) -> Verdict:
    check = "Ingest"
    if health.get("collector") is False:
        return Verdict(
            None, check, "no collector runs; the store file is read directly", "Start one: durascope collect"
        )
    lag, refused = health.get("ingest_lag_s"), health.get("refused", 0) + health.get("failed_commits", 0)
    found = f"{_lag(lag)} behind; {refused:,} requests refused or failed since its start"
    good = lag is not None and lag < LAG_S and not refused and not health.get("rollup_errors")
    return Verdict(
        good, check, found, "" if good else "Senders try again; if it lasts, sample less or scale the store."
    )


def _follower(health: Mapping[str, Any]) -> Verdict:
    check = "Following Temporal"
    history = health.get("history") or {"state": "off"}
    state, lag = str(history.get("state")), history.get("lag_s")
    if state == "off":
        return Verdict(
            None, check, "not followed", "Outcomes are what spans say; run the collector without --no-history."
        )
    if history.get("error"):
        return Verdict(False, check, f"{state}: {history['error']}", "Check TEMPORAL_ADDRESS of the collector.")
    return Verdict(lag is None or lag < LAG_S, check, f"{state}, {_lag(lag)} behind")


def _clocks(workers: Iterable[Row]) -> Verdict:
    check = "Worker clocks"
    known = [row for row in workers if units.known(row["skew_p50_ms"])]
    if not known:
        return Verdict(None, check, "no attempt is known from both sides")
    worst = max(known, key=lambda row: abs(row["skew_p50_ms"]))
    found = f"{units.duration(abs(worst['skew_p50_ms']))} off at the worst ({worst['worker']})"
    if abs(worst["skew_p50_ms"]) < SKEW_MS:
        return Verdict(True, check, found)
    return Verdict(
        False, check, found, "Queue waits of this worker are wrong by that much: synchronise its clock (NTP)."
    )


def _lag(seconds: float | None) -> str:
    return units.UNKNOWN if seconds is None else units.duration(seconds * 1000)
