"""The audit trail names every interaction and any change to it is found."""

import json
from dataclasses import replace

import pytest

from durascope_dashboard.exceptions import ExportError
from durascope_dashboard.export import audit
from durascope_dashboard.export.selection import Row
from tests.export.fleet import RETRIED, T0, S, fleet


def _lines() -> list[str]:
    return [json.dumps(entry) for entry in audit.entries(fleet().each())]


def test_every_attempt_is_an_entry_in_order_of_time() -> None:
    """Who, what, which attempt, how it ended."""
    entries = [json.loads(line) for line in _lines()]
    assert [(e["n"], e["event"], e["name"], e.get("attempt"), e["outcome"], e["agent"]) for e in entries] == [
        (1, "model_call", "gpt-5", 1, "error", "Planner"),
        (2, "model_call", "gpt-5", 2, "ok", "Planner"),
        (3, "tool_call", "search", 1, "ok", "Planner"),
        (4, "tool_call", "search", 1, "running", None),
    ]
    assert [entry["tokens"] and entry["tokens"]["input"] for entry in entries] == [None, 100, None, None]


def test_a_tool_call_has_the_digest_of_its_arguments() -> None:
    """As history holds them: it proves what was asked without keeping it."""
    entries = [json.loads(line) for line in _lines()]
    assert [entry.get("arguments") for entry in entries] == [None, None, "sha256:abcd", None]


def test_guardrails_and_handoffs_are_entries() -> None:
    """From the worker's spans, in order of time, with what was decided."""

    def span(number: int, kind: str, name: str, **attributes: object) -> Row:
        return {
            **RETRIED, "trace_id": "1" * 32, "span_id": f"{number:016x}", "kind": kind, "name": name,
            "start": T0 + number * S, "end": T0 + number * S, "agent": "Planner", "attributes": json.dumps(attributes),
        }  # fmt: skip

    handoff = {"durascope.handoff.from": "Planner", "durascope.handoff.to": "Writer"}
    guardrail = {"durascope.guardrail.name": "permission", "durascope.guardrail.triggered": True}
    rows = fleet(spans=[span(15, "handoff", "handoff", **handoff), span(16, "guardrail", "guardrail", **guardrail)])
    found = [entry for entry in audit.entries(rows.each()) if entry["operation"].startswith("span:")]
    assert [(e["event"], e["name"], e["from"], e["to"], e["outcome"]) for e in found] == [
        ("handoff", "handoff", "Planner", "Writer", None), ("guardrail", "permission", None, None, "triggered"),
    ]  # fmt: skip


def test_an_untouched_trail_verifies() -> None:
    """All entries, and the last hash to keep."""
    lines = _lines()
    verdict = audit.verify(lines, last=json.loads(lines[-1])["hash"])
    assert (verdict.entries, verdict.problem) == (4, None)


@pytest.mark.parametrize(
    ("tamper", "problem"),
    [
        (lambda lines: [*lines[:1], lines[1].replace('"ok"', '"error"'), *lines[2:]], "line 2 was changed"),
        (lambda lines: [lines[0], *lines[2:]], "line 2 does not follow"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "line 1 does not follow"),
        (lambda lines: lines[:-1], "lines are missing"),
        (lambda lines: [*lines, "nonsense"], "line 5 is not JSON"),
        (lambda lines: [*lines, "[]"], "line 5 is not an audit entry"),
    ],
)  # fmt: skip
def test_tampering_is_found(tamper: object, problem: str) -> None:
    """A changed, removed, moved, cut or foreign line is named."""
    lines = _lines()
    assert callable(tamper)
    verdict = audit.verify(tamper(lines), last=json.loads(lines[-1])["hash"])
    assert verdict.problem is not None and problem in verdict.problem


def test_what_has_no_name_here_is_not_left_out_silently() -> None:
    """An operation of a kind that a newer Durascope knows ends the export with a sentence."""
    rows = next(fleet().each())
    newer = replace(rows, operations=[row | {"kind": "telepathy"} for row in rows.operations])
    with pytest.raises(ExportError, match="is a 'telepathy', which this Durascope does not know; upgrade"):
        list(audit.entries([newer]))
