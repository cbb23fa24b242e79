"""A query with a name: its parameters checked, its expression compiled, its rows finished."""

import inspect
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Any, NamedTuple, get_args

import ibis
import pyarrow as pa

from durascope_dashboard.clock import micros_now
from durascope_dashboard.exceptions import UnknownQuery, UsageError
from durascope_dashboard.store.queries.clickhouse_sql import to_clickhouse
from durascope_dashboard.store.queries.tables import MARK, NOW

MAX_LIMIT = 10_000
MAX_PREPARED = 200
MAX_LISTED = 20  # ids in a list that get a place each: a text is kept for every length
# Parameters that are only ever compared with a column, and a value that nobody gives, which marks their place.
_BOUND: Mapping[str, str | int] = {
    **{name: f"{MARK}{name}" for name in ("workflow_id", "run_id", "namespace", "first_run_id", "trace_id", "span_id")},
    "since": MARK + 1, "until": MARK + 2,
}  # fmt: skip
Build = Callable[..., Any]
Finish = Callable[[pa.Table], pa.Table]


class Prepared(NamedTuple):
    """A question of an engine: its text, the values that it leaves open, and the columns that it answers."""

    text: str
    values: dict[str, Any]
    schema: pa.Schema


class _Compiled(NamedTuple):
    """The same without values: the names of those that it leaves open."""

    text: str
    places: tuple[str, ...]
    schema: pa.Schema


class NamedQuery:
    """``build(**params)`` gives an ibis expression; ``finish`` sees its rows (for what depends on this moment)."""

    def __init__(self, name: str, build: Build, finish: Finish | None = None) -> None:
        self.name = name
        self.build = build
        self._finish = finish
        self.parameters = dict(inspect.signature(build).parameters)
        self._prepared: dict[tuple[Any, ...], _Compiled] = {}

    @property
    def summary(self) -> str:
        """What it answers, in one paragraph."""
        return inspect.getdoc(self.build) or ""

    def sql(self, dialect: str, params: Mapping[str, Any]) -> str:
        """Text for an engine. Raises UnknownQuery for a parameter that it has not, UsageError for a bad value."""
        return _sql(self.build(**self.checked(params)), dialect).replace(str(NOW), str(micros_now()))

    def prepared(self, dialect: str, params: Mapping[str, Any]) -> Prepared:
        """Text with a place (``$name``, ``{name:Type}``) for ids and times, and their values.

        Compiling an expression takes tens of milliseconds; texts are kept, and pages ask the same with other values.
        Raises as ``sql`` does.
        """
        values = self.checked(params)
        bound, marks = _marked(values)
        shape = {name: _shape(name, value) for name, value in values.items()}
        key = (dialect, *((name, tuple(v) if isinstance(v, list) else v) for name, v in sorted(shape.items())))
        kept = self._prepared.get(key)
        if kept is None:
            if len(self._prepared) >= MAX_PREPARED:
                self._prepared.clear()
            kept = self._prepared[key] = self._compiled(dialect, shape, marks | {"now": NOW})
        bound["now"] = micros_now()  # of each asking, not of the first
        return Prepared(kept.text, {name: bound[name] for name in kept.places}, kept.schema)

    def _compiled(self, dialect: str, shape: Mapping[str, Any], marks: Mapping[str, Any]) -> _Compiled:
        expression = self.build(**shape)
        text = _sql(expression, dialect)
        # By the marks, not by the places: a text that somebody searches for may look like one of these.
        places = tuple(name for name, mark in marks.items() if _literal(mark) in text)
        for name in places:
            text = text.replace(_literal(marks[name]), _place(dialect, name))
        return _Compiled(text, places, expression.schema().to_pyarrow())

    def checked(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters with their declared types; None and empty mean "not given"."""
        unknown = sorted(params.keys() - self.parameters.keys())
        if unknown:
            raise UnknownQuery(
                f"the query {self.name!r} has no parameter {unknown[0]!r}; it has: {', '.join(self.parameters)}"
            )
        given = {k: v for k, v in params.items() if v is not None and v != "" and v != []}
        for name, parameter in self.parameters.items():
            if parameter.default is inspect.Parameter.empty and name not in given:
                raise UsageError(f"the query {self.name!r} needs the parameter {name!r}")
        return {name: self._value(name, value) for name, value in given.items()}

    def _value(self, name: str, value: Any) -> Any:
        annotation = self.parameters[name].annotation
        types = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
        if list[str] in types:
            return _strings(value)
        if isinstance(value, list | tuple):
            raise UsageError(f"the parameter {name!r} of the query {self.name!r} takes one value, not a list")
        try:
            if bool in types:
                return _boolean(value)
            if int in types:
                return _integer(name, value)
        except ValueError:
            raise UsageError(
                f"the parameter {name!r} of the query {self.name!r} cannot be {str(value)[:50]!r}; it is a whole number"
            ) from None
        return str(value)

    def finish(self, rows: pa.Table, params: Mapping[str, Any]) -> pa.Table:
        """Rows as the caller gets them; sums of whole numbers, which engines answer as decimals, whole again."""
        types = [pa.int64() if pa.types.is_decimal(field.type) else field.type for field in rows.schema]
        rows = rows.cast(pa.schema(list(zip(rows.schema.names, types, strict=True))))
        return rows if self._finish is None else self._finish(rows)


def _shape(name: str, value: Any) -> Any:
    """The value, or what marks its place: in a list each of its own."""
    if name not in _BOUND or (isinstance(value, list) and len(value) > MAX_LISTED):
        return value
    return [f"{_BOUND[name]}{n}" for n in range(len(value))] if isinstance(value, list) else _BOUND[name]


def _marked(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Values with a place in the text, and their marks, both by the name of the place (``run_id``, ``run_id_0``)."""
    bound: dict[str, Any] = {}
    marks: dict[str, Any] = {}
    for name, value in values.items():
        shape = _shape(name, value)
        if shape is value:
            continue
        if isinstance(value, list):
            bound |= {f"{name}_{n}": item for n, item in enumerate(value)}
            marks |= {f"{name}_{n}": mark for n, mark in enumerate(shape)}
        else:
            bound[name], marks[name] = value, shape
    return bound, marks


def _sql(expression: Any, dialect: str) -> str:
    if dialect == "clickhouse":
        return to_clickhouse(expression)
    return str(ibis.to_sql(expression, dialect=dialect))


def _place(dialect: str, name: str) -> str:
    """Where a value goes in the text of that engine."""
    if dialect == "clickhouse":
        of_number = name in ("now", "since", "until")
        return f"{{{name}:{'Int64' if of_number else 'String'}}}"
    return f"${name}"


def _literal(marker: str | int) -> str:
    return f"'{marker}'" if isinstance(marker, str) else str(marker)


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [part for part in value.split(",") if part]
    return [str(part) for part in value]


def _boolean(value: Any) -> bool:
    return value if isinstance(value, bool) else str(value).lower() in {"1", "true", "yes"}


def _integer(name: str, value: Any) -> int:
    found = int(value)
    if not -(2**63) <= found < 2**63:
        raise ValueError(value)
    if name == "offset":
        return max(found, 0)
    return min(max(found, 0), MAX_LIMIT) if name == "limit" else found
