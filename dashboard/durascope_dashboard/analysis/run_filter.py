"""The filter language of `durascope runs --query`: a small, safe part of SQL's WHERE, like Temporal's own list filter.

    WorkflowType = 'research' AND ExecutionStatus IN ('Failed', 'TimedOut') AND retries > 2
    started > '2026-11-23T00:00:00Z' AND (time_ms.backoff > 30s OR agent = 'planner') AND NOT workflow_id LIKE 'test-%'

Columns are the names of the JSON (a nested one as in ``tokens.wasted.input``) and Temporal's visibility names; values
are only ever constants. Everything else is refused by name, and nothing of the text reaches the engine as SQL.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from durascope_dashboard.clock import UNIT_S
from durascope_dashboard.exceptions import InvalidFilter
from durascope_dashboard.store.schema import RUNS, TIME_CLASSES

_TEMPORAL = {
    "workflowid": "workflow_id", "runid": "run_id", "workflowtype": "workflow_type", "taskqueue": "task_queue",
    "executionstatus": "status", "starttime": "started", "closetime": "closed", "executionduration": "duration_ms",
    "historylength": "history_events", "historysizebytes": "history_bytes", "buildid": "build_id",
    "parentworkflowid": "parent_workflow_id", "parentrunid": "parent_run_id", "type": "workflow_type",
}  # fmt: skip
_NESTED = {
    **{f"retries.{name}": name for name in ("operations", "attempts", "retries", "failed_attempts")},
    **{f"time_ms.{name}": f"time_{name}_ms" for name in TIME_CLASSES}, "time_ms.total": "duration_ms",
    **{f"tokens.{part}.{kind}": f"{part}_{kind}" for part in ("billed", "useful", "wasted")
       for kind in ("input", "cached_input", "output", "reasoning")},
    "tokens.unknown_attempts": "unknown_attempts",
    **{f"cost.{part}": f"cost_{part}" for part in ("billed", "useful", "wasted")},
    **{f"coverage.{name}": name for name in (
        "history_attempts", "span_attempts", "reconstructed", "orphan_spans", "duplicate_spans")},
    "failure.type": "failure_type", "failure.message": "failure_message",
}  # fmt: skip
_SUMS = {"tokens": "billed", "wasted_tokens": "wasted", "useful_tokens": "useful"}
_LISTS = {"agent": "agents", "agents": "agents", "model": "models", "models": "models"}
_MOMENTS = {"started", "closed", "next_retry", "updated"}
_UNITS = {"ms": 1.0, **{unit: seconds * 1e3 for unit, seconds in UNIT_S.items()}}
_UNIT = "|".join(_UNITS)
_STATUSES = {"canceled": "cancelled", "timedout": "timed_out", "continuedasnew": "continued_as_new"}
_COMPARE: dict[type[exp.Expr], Callable[[Any, Any], Any]] = {
    exp.EQ: lambda a, b: a == b, exp.NEQ: lambda a, b: a != b,
    exp.GT: lambda a, b: a > b, exp.GTE: lambda a, b: a >= b, exp.LT: lambda a, b: a < b, exp.LTE: lambda a, b: a <= b,
}  # fmt: skip


def to_expression(table: Any, text: str) -> Any:
    """The filter as a boolean ibis expression over the table ``runs``. Raises InvalidFilter."""
    quoted = re.sub(rf"(?<![\w'.])(\d+(?:\.\d+)?(?:{_UNIT}))\b(?=(?:[^']*'[^']*')*[^']*$)", r"'\1'", text)
    try:
        parsed = sqlglot.parse_one(quoted, dialect="duckdb")
    except (SqlglotError, RecursionError):
        raise InvalidFilter(
            f"the filter {text[:200]!r} cannot be read; write conditions such as: status = 'failed' AND retries > 2"
        ) from None
    return _Filter(table).condition(parsed)


class _Filter:
    def __init__(self, table: Any) -> None:
        self._table = table

    def condition(self, node: exp.Expr, depth: int = 0) -> Any:
        """A node that is true or false."""
        if depth > 50:
            raise InvalidFilter("the filter is nested too deeply; write it with fewer parentheses")
        if isinstance(node, exp.Paren):
            return self.condition(node.this, depth + 1)
        if isinstance(node, exp.Not):
            return ~self.condition(node.this, depth + 1)
        if isinstance(node, exp.And | exp.Or):
            parts = [self.condition(part, depth + 1) for part in node.flatten()]
            result = parts[0]
            for part in parts[1:]:
                result = result & part if isinstance(node, exp.And) else result | part
            return result
        return self._comparison(node)

    def _comparison(self, node: exp.Expr) -> Any:
        column = _column(node.this)
        if type(node) in _COMPARE:
            return self._compare(column, type(node), _value(column, node.expression))
        if isinstance(node, exp.In) and node.expressions:
            values = [_value(column, part) for part in node.expressions]
            found = [self._compare(column, exp.EQ, value) for value in values]
            result = found[0]
            for part in found[1:]:
                result = result | part
            return result
        if isinstance(node, exp.Between):
            low, high = (_value(column, node.args[part]) for part in ("low", "high"))
            return self._compare(column, exp.GTE, low) & self._compare(column, exp.LTE, high)
        if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
            return self._operand(column).isnull()
        if isinstance(node, exp.Like | exp.ILike | exp.StartsWith) and not _is_text(column):
            raise InvalidFilter(f"the filter compares the beginning of {column!r}, which is no text; use =, < or >")
        if isinstance(node, exp.Like | exp.ILike):
            operand, pattern = self._operand(column), str(_value(column, node.expression))
            return operand.like(pattern) if isinstance(node, exp.Like) else operand.ilike(pattern)
        if isinstance(node, exp.StartsWith):
            return self._operand(column).startswith(str(_value(column, node.expression)))
        raise InvalidFilter(f"the filter's {node.sql()[:100]!r} is not supported; use =, !=, <, >, IN, BETWEEN, LIKE, "
                            "STARTS_WITH, IS NULL, AND, OR and NOT")  # fmt: skip

    def _compare(self, column: str, kind: type[exp.Expr], value: Any) -> Any:
        if column not in _LISTS:
            return _COMPARE[kind](self._operand(column), value)
        if kind not in (exp.EQ, exp.NEQ):
            raise InvalidFilter(f"the filter compares {column!r} by order; it can only be = or != a name")
        has = self._operand(column).contains(json.dumps(value, ensure_ascii=False))
        return has if kind is exp.EQ else ~has

    def _operand(self, column: str) -> Any:
        if column in _SUMS:
            part = _SUMS[column]
            return self._table[f"{part}_input"] + self._table[f"{part}_output"]
        return self._table[_LISTS.get(column, column)]


def _column(node: Any) -> str:
    if not isinstance(node, exp.Column):
        shown = node.sql()[:100] if isinstance(node, exp.Expr) else str(node)
        raise InvalidFilter(f"the filter has {shown!r} where a column must stand; a condition is: column = 'value'")
    name = ".".join(part.name for part in node.parts)
    plain = _TEMPORAL.get(name.lower(), _NESTED.get(name.lower(), name.lower()))
    if plain in RUNS.names or plain in _SUMS or plain in _LISTS:
        return plain
    known = "workflow_id, workflow_type, status, started, duration_ms, attempts, retries, tokens, wasted_tokens, agent"
    raise InvalidFilter(
        f"the filter names {name!r}, which runs do not have; they have {known} and the others of --json"
    )


def _value(column: str, node: Any) -> Any:
    negative = isinstance(node, exp.Neg)
    inner = node.this if negative else node
    if isinstance(inner, exp.Boolean) or _is_boolean(column):
        if isinstance(inner, exp.Boolean) and _is_boolean(column) and not negative:
            return bool(inner.this)
        raise InvalidFilter(f"the filter compares {column!r} with {node.sql()[:100]!r}; from_history, and nothing "
                            "else, is true or false")  # fmt: skip
    if not isinstance(inner, exp.Literal):
        raise InvalidFilter(f"the filter compares {column!r} with {node.sql()[:100]!r}; it must be a number or 'text'")
    text = str(inner.this)
    if column in _MOMENTS:
        return _moment(column, text)
    if _is_text(column):
        return _status(text) if column == "status" else text
    return _number(column, ("-" if negative else "") + text)


def _is_text(column: str) -> bool:
    return column in _LISTS or (column in RUNS.names and str(RUNS.field(column).type) == "string")


def _is_boolean(column: str) -> bool:
    return column in RUNS.names and str(RUNS.field(column).type) == "bool"


def _status(text: str) -> str:
    lower = text.lower()
    return _STATUSES.get(lower, lower)


def _number(column: str, text: str) -> float:
    found = re.fullmatch(rf"(-?\d+(?:\.\d+)?(?:e-?\d+)?)({_UNIT})?", text.strip())
    if not found or (found[2] and not column.endswith("_ms")):
        raise InvalidFilter(f"the filter compares {column!r} with {text[:50]!r}; it must be a number")
    value = float(found[1]) * (_UNITS[found[2]] if found[2] else 1)
    if abs(value) >= 2**63:
        raise InvalidFilter(f"the filter compares {column!r} with {text[:50]!r}; the largest number is below 9.2e18")
    return int(value) if value.is_integer() else value


def _moment(column: str, text: str) -> int:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidFilter(
            f"the filter compares {column!r} with {text[:50]!r}; it must be a time such as '2026-11-23T12:00:00Z'"
        ) from None
    return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1_000_000)
