"""Bodies of requests: read against a budget of bytes, and refused with the status that tells senders what to do."""

from collections.abc import Mapping

from google.rpc.status_pb2 import Status
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from durascope_dashboard.collector.otlp import MalformedRequest
from durascope_dashboard.collector.payloads import (
    JSON,
    MAX_BODY_BYTES,
    PROTOBUF,
    Hold,
    Overloaded,
    PayloadTooLarge,
    UnsupportedPayload,
)


def refusal(error: Exception, content_type: str = JSON) -> Response:
    """The answer to a request that was not stored, as OTLP has it: 4xx is never sent again, 429 and 503 are."""
    if isinstance(error, Overloaded):
        return problem(429, str(error), content_type, {"Retry-After": str(error.retry_after_s)})
    statuses: dict[type[Exception], int] = {MalformedRequest: 400, PayloadTooLarge: 413, UnsupportedPayload: 415}
    status = statuses.get(type(error))
    if status is not None:
        return problem(status, str(error), content_type)
    return problem(503, f"not stored ({error})", content_type, {"Retry-After": "5"})


def problem(
    status: int, message: str, content_type: str, headers: Mapping[str, str] | None = None, **more: str
) -> Response:
    """A refusal in the type of its request: google.rpc.Status to protobuf, else JSON, which has room for ``more``."""
    if content_type == PROTOBUF:
        return Response(Status(message=message).SerializeToString(), status, headers, PROTOBUF)
    return JSONResponse({"message": message, **more}, status, headers)


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
