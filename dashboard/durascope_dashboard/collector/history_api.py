"""Histories that another program has read (`durascope backfill`, `import`) and this collector stores: it owns the file.

POST /api/v1/histories         the four history tables, by column: {"history_runs": {"namespace": [...], ...}, ...}
POST /api/v1/histories/known   run keys, by column -> those of them whose whole, closed history is stored

JSON, not Arrow: a reader of Arrow trusts the sizes that a body states. Answered when the rows are committed.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import pyarrow as pa
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from durascope.records import Kind, RunStatus, Source, Status
from durascope_dashboard.collector.bodies import read_body, refusal
from durascope_dashboard.collector.history_rows import Histories
from durascope_dashboard.collector.ingest import Ingest
from durascope_dashboard.collector.otlp import MalformedRequest
from durascope_dashboard.collector.payloads import Budget, Hold, inflate
from durascope_dashboard.store import schema
from durascope_dashboard.store.keys import run_keys, run_keys_table

TABLES: Final = ("history_runs", "history_operations", "history_attempts", "history_waits")
WORDS: Final[Mapping[tuple[str, str], frozenset[str]]] = {
    ("history_runs", "status"): frozenset(RunStatus),
    ("history_operations", "status"): frozenset(Status),
    ("history_operations", "kind"): frozenset(Kind),
    ("history_attempts", "status"): frozenset(Status),
    ("history_attempts", "source"): frozenset(Source),
    ("history_waits", "kind"): frozenset({"workflow_task", "external_wait"}),
}
"""What may stand in a column that has a vocabulary: the join knows no other words."""
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "history_runs": (*schema.RUN_KEY, "status", "started", "last_event_id", "from_history"),
    "history_operations": (*schema.RUN_KEY, "operation_id", "status", "kind", "name", "scheduled", "attempts"),
    "history_attempts": (*schema.ATTEMPT_KEY, "status", "source", "estimated"),
    "history_waits": (*schema.RUN_KEY, "kind", "started"),
}
"""Columns that are never null."""


def read_tables(body: bytes) -> dict[str, pa.Table]:
    """The rows of a body, checked: columns, types, words, and that every row is of a run among ``history_runs``.

    Raises MalformedRequest.
    """
    said = _object(body)
    if said.keys() != set(TABLES):
        raise MalformedRequest(f"the body has to have exactly these members: {', '.join(TABLES)}")
    tables = {name: _rows(name, said[name], schema.TABLES[name]) for name in TABLES}
    for name, columns in NEEDED.items():
        for column in columns:
            if tables[name][column].null_count:
                raise MalformedRequest(f"{name}.{column} has a null; every row has one")
    for (name, column), words in WORDS.items():
        wrong = set(tables[name][column].unique().to_pylist()) - words
        if wrong:
            raise MalformedRequest(f"{name}.{column} has {min(wrong)[:50]!r}; there is: {', '.join(sorted(words))}")
    runs = set(run_keys(tables["history_runs"]))
    if any(set(run_keys(tables[name])) - runs for name in TABLES[1:]):
        raise MalformedRequest("a row is of a run that history_runs does not have")
    return tables


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise MalformedRequest(f"the body is not JSON ({str(error)[:100]})") from error
    if not isinstance(said, dict):
        raise MalformedRequest("the body is not a JSON object")
    return said


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is not a number in JSON")


def _rows(name: str, columns: Any, wanted: pa.Schema) -> pa.Table:
    if not isinstance(columns, dict) or columns.keys() != set(wanted.names):
        raise MalformedRequest(f"{name} has to have exactly these columns: {', '.join(wanted.names)}")
    if not all(isinstance(values, list) for values in columns.values()):
        raise MalformedRequest(f"each column of {name} has to be a list")
    try:
        return pa.Table.from_pydict(columns, schema=wanted)
    except (ValueError, TypeError, OverflowError) as error:  # pa.ArrowInvalid and half a surrogate pair are ValueErrors
        raise MalformedRequest(f"{name} has a value of another type ({str(error)[:100]})") from error


class HistoryApi:
    """Routes over an ingest. A body's bytes, sent and inflated, count against the budget that those of OTLP do."""

    def __init__(self, ingest: Ingest, budget: Budget) -> None:
        self._ingest = ingest
        self._budget = budget

    def routes(self) -> list[Route]:
        """Routes for the collector's application."""
        return [
            Route("/api/v1/histories", self._answers(self._store), methods=["POST"]),
            Route("/api/v1/histories/known", self._answers(self._known), methods=["POST"]),
        ]

    def _answers(self, ask: Callable[[bytes], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            hold = Hold(self._budget)
            try:
                body = await read_body(request, hold)
                self._ingest.check_room()
                encoding = request.headers.get("content-encoding", "")
                inflated = await asyncio.to_thread(inflate, body, encoding, hold.take)
                return JSONResponse(await ask(inflated))
            except ClientDisconnect:
                return Response(status_code=400)  # nobody reads it
            except Exception as error:
                return refusal(error)
            finally:
                hold.give()

        return answer

    async def _store(self, body: bytes) -> dict[str, int]:
        tables = await asyncio.to_thread(read_tables, body)
        runs = run_keys(tables["history_runs"])
        await asyncio.wrap_future(self._ingest.submit_histories(Histories(runs, tables)))
        return {"stored": len(runs)}

    async def _known(self, body: bytes) -> dict[str, list[str]]:
        def ask() -> dict[str, list[str]]:
            asked = _rows("the body", _object(body), schema.RUN_KEYS)
            known: dict[str, list[str]] = run_keys_table(self._ingest.known_closed(run_keys(asked))).to_pydict()
            return known

        return await asyncio.to_thread(ask)
