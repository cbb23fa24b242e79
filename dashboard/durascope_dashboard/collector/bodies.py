"""Bodies of requests: read against a budget of bytes, and refused with the status that tells senders what to do."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from durascope_dashboard.collector.otlp import MalformedRequest
from durascope_dashboard.collector.payloads import (
    MAX_BODY_BYTES,
    Hold,
    Overloaded,
    PayloadTooLarge,
    UnsupportedPayload,
)


def refusal(error: Exception) -> Response:
    """The answer to a request that was not stored, as OTLP has it: 4xx is never sent again, 429 and 503 are."""
    if isinstance(error, Overloaded):
        return _answer(429, str(error), {"Retry-After": str(error.retry_after_s)})
    statuses: dict[type[Exception], int] = {MalformedRequest: 400, PayloadTooLarge: 413, UnsupportedPayload: 415}
    status = statuses.get(type(error))
    if status is not None:
        return _answer(status, str(error))
    return _answer(503, f"not stored ({error})", {"Retry-After": "5"})


def _answer(status: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"message": message}, status, headers)


async def read_body(request: Request, hold: Hold, limit: int = MAX_BODY_BYTES) -> bytes:
    """The whole body, which ``hold`` then holds. Raises Overloaded, PayloadTooLarge, ClientDisconnect."""
    chunks = []
    size = 0
    async for chunk in request.stream():
        hold.take(len(chunk))
        size += len(chunk)
        if size > limit:
            raise PayloadTooLarge(f"the body is larger than {limit} bytes; send smaller batches")
        chunks.append(chunk)
    return b"".join(chunks)
