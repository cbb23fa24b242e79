"""OTLP over gRPC. Bodies pass through as bytes to the same receiver as HTTP; gRPC itself undoes gzip."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from durascope_dashboard.collector.guard import token_matches
from durascope_dashboard.collector.listening import listen
from durascope_dashboard.collector.otlp import MalformedRequest
from durascope_dashboard.collector.payloads import MAX_BODY_BYTES, Overloaded
from durascope_dashboard.collector.receiver import Receiver
from durascope_dashboard.collector.settings import Access
from durascope_dashboard.exceptions import PortInUse

_SERVICES = {"traces": "trace.v1.TraceService", "logs": "logs.v1.LogsService", "metrics": "metrics.v1.MetricsService"}
MAX_IN_FLIGHT = 64  # calls; what their messages hold together is bounded by the receiver's budget
_REFUSING = 8  # threads that are always free to refuse one more: a limit of gRPC's own says that it is for good
RETRY_AFTER_S = 5


def _handler(
    receiver: Receiver, signal: str, token: str | None, free: threading.Semaphore
) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    def export(body: bytes, context: grpc.ServicerContext) -> bytes:
        given = dict(context.invocation_metadata()).get("authorization")
        if token is not None and not token_matches(str(given) if given else None, token):
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "this collector needs its bearer token")
        if not free.acquire(blocking=False):
            _send_again(context, f"{MAX_IN_FLIGHT} calls are waiting; send again in a second", Overloaded.retry_after_s)
        try:
            return receiver.receive_blocking(signal, body)
        except MalformedRequest as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except Overloaded as error:
            _send_again(context, str(error), error.retry_after_s)
        except Exception as error:
            _send_again(context, f"not stored ({error})", RETRY_AFTER_S)
        finally:
            free.release()
        raise AssertionError("abort raises")

    return export


def _send_again(context: grpc.ServicerContext, message: str, after_s: int) -> NoReturn:
    """End the call as OTLP has it for what should be sent again, with the pause in the status' details."""
    status = Status(code=grpc.StatusCode.UNAVAILABLE.value[0], message=message)
    status.details.add().Pack(RetryInfo(retry_delay=Duration(seconds=after_s)))
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNAVAILABLE, message)
    raise AssertionError("abort raises")


def _bind(server: Any, address: str, access: Access) -> int:
    if access.certificate is None or access.key is None:
        return int(server.add_insecure_port(address))
    pair = (access.key.read_bytes(), access.certificate.read_bytes())
    return int(server.add_secure_port(address, grpc.ssl_server_credentials([pair])))


def start_grpc(receiver: Receiver, host: str, port: int, access: Access) -> tuple[Any, int]:
    """Start serving; returns the server and its port. Raises PortInUse."""
    options = [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", MAX_BODY_BYTES)]
    pool = ThreadPoolExecutor(MAX_IN_FLIGHT + _REFUSING, thread_name_prefix="durascope-grpc")
    server, free = grpc.server(pool, options=options), threading.Semaphore(MAX_IN_FLIGHT)
    for signal, service in _SERVICES.items():
        method = grpc.unary_unary_rpc_method_handler(_handler(receiver, signal, access.token, free))
        name = f"opentelemetry.proto.collector.{service}"
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, {"Export": method}),))
    in_use = f"{host}:{port} (OTLP gRPC) cannot be listened on; stop what listens there or choose another: --otlp-grpc"
    listen(host, port, in_use).close()  # gRPC prints its own lines to stderr when it cannot bind
    try:
        bound = _bind(server, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", access)
    except RuntimeError as error:
        raise PortInUse(in_use) from error
    server.start()
    return server, int(bound)
