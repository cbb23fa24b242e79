"""The read API: named queries and run objects over HTTP. Only names and typed parameters come in, never SQL."""

import asyncio
import io
import json
import math
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import pyarrow as pa
import pyarrow.ipc
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from durascope_dashboard.exceptions import DurascopeError, NotFound, StoreUnavailable, UsageError
from durascope_dashboard.reader import Reader

ARROW = "application/vnd.apache.arrow.stream"


def arrow_bytes(rows: pa.Table) -> bytes:
    """An Arrow IPC stream."""
    sink = io.BytesIO()
    with pyarrow.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return sink.getvalue()


def _params(request: Request) -> dict[str, Any]:
    """Query parameters; one that is repeated is a list."""
    return {
        key: values[0] if len(values) == 1 else values
        for key in request.query_params
        if (values := request.query_params.getlist(key))
    }


def _finite(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """NaN and infinities as null: JSON has no word for them."""
    for row in rows:
        for name, value in row.items():
            if isinstance(value, float) and not math.isfinite(value):
                row[name] = None
    return rows


def _status(error: DurascopeError) -> int:
    if isinstance(error, NotFound):
        return 404
    return 400 if isinstance(error, UsageError) else 503 if isinstance(error, StoreUnavailable) else 500


class ReadApi:
    """Routes over a reader; every query runs on a thread of its own cursor."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def routes(self) -> list[Route]:
        """Routes for the collector's application."""
        return [
            Route("/api/v1/openapi.json", self._answers(self._document)),
            Route("/api/v1/query/{name}", self._answers(self._query)),
            Route("/api/v1/runs", self._answers(self._runs)),
            Route("/api/v1/runs/{workflow_id:path}", self._answers(self._run)),
        ]

    def _answers(self, ask: Callable[[Request], Response]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            try:
                return await asyncio.to_thread(ask, request)
            except DurascopeError as error:
                return JSONResponse({"error": str(error), "type": type(error).__name__}, _status(error))

        return answer

    def _document(self, request: Request) -> Response:
        from durascope_dashboard.collector.openapi import document
        from durascope_dashboard.store.queries import QUERIES

        return JSONResponse(document(QUERIES, version("durascope")))

    def _query(self, request: Request) -> Response:
        rows = self._reader.query(request.path_params["name"], **_params(request))
        if "json" in request.headers.get("accept", ARROW):
            return Response(json.dumps(_finite(rows.to_pylist())), media_type="application/json")
        return Response(arrow_bytes(rows), media_type=ARROW)

    def _runs(self, request: Request) -> Response:
        from durascope_dashboard.analysis.view import run_object

        rows = self._reader.query("runs", **_params(request)).to_pylist()
        objects = [run_object(row, [], []) for row in rows]
        for item in objects:
            item.pop("operations", None)
        return JSONResponse(objects)

    def _run(self, request: Request) -> Response:
        from durascope_dashboard.analysis.view import run_object

        params: Mapping[str, Any] = {"workflow_id": request.path_params["workflow_id"], **_params(request)}
        found = self._reader.query("run", **params).to_pylist()
        if not found:
            raise NotFound(f"no run of {params['workflow_id']!r} is known; list runs with: durascope runs")
        key = {name: found[0][name] for name in ("namespace", "workflow_id", "run_id")}
        operations = self._reader.query("operations", **key).to_pylist()
        attempts = self._reader.query("attempts", **key).to_pylist()
        return JSONResponse(run_object(found[0], operations, attempts))
