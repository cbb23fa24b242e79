"""The read API: named queries and run objects over HTTP. Only names and typed parameters come in, never SQL."""

import asyncio
import concurrent.futures
import io
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pyarrow as pa
import pyarrow.ipc
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from durascope_dashboard.exceptions import DurascopeError, NotFound, StoreUnavailable, UsageError
from durascope_dashboard.lookup import read_run
from durascope_dashboard.reader import Reader

ARROW = "application/vnd.apache.arrow.stream"
READERS = 8


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


def _json(value: Any) -> Response:
    from durascope_dashboard.analysis.view import json_text

    return Response(json_text(value), media_type="application/json")


def _status(error: DurascopeError) -> int:
    if isinstance(error, NotFound):
        return 404
    return 400 if isinstance(error, UsageError) else 503 if isinstance(error, StoreUnavailable) else 500


class ReadApi:
    """Routes over a reader; every query runs on a thread of its own cursor, and none of the collector's other work."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._pool = concurrent.futures.ThreadPoolExecutor(READERS, thread_name_prefix="durascope-read")

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
                return await asyncio.get_running_loop().run_in_executor(self._pool, ask, request)
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
            return _json(rows.to_pylist())
        return Response(arrow_bytes(rows), media_type=ARROW)

    def _runs(self, request: Request) -> Response:
        from durascope_dashboard.analysis.view import run_summary

        return _json([run_summary(row) for row in self._reader.query("runs", **_params(request)).to_pylist()])

    def _run(self, request: Request) -> Response:
        from durascope_dashboard.analysis.view import run_object
        from durascope_dashboard.store.queries import named

        params = {"workflow_id": request.path_params["workflow_id"], **_params(request)}
        return _json(run_object(*read_run(self._reader, **named("run").checked(params))))
