"""OTLP over gRPC. Bodies pass through as bytes to the same receiver as HTTP; gRPC itself undoes gzip."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from durascope_dashboard.collector.guard import token_matches
from durascope_dashboard.collector.listening import listen
from durascope_dashboard.collector.otlp import MalformedRequest
from durascope_dashboard.collector.payloads import MAX_BODY_BYTES, Overloaded
from durascope_dashboard.collector.receiver import Receiver
from durascope_dashboard.collector.settings import Access
from durascope_dashboard.exceptions import PortInUse

_SERVICES = {"traces": "trace.v1.TraceService", "logs": "logs.v1.LogsService", "metrics": "metrics.v1.MetricsService"}
MAX_IN_FLIGHT = 16


def _handler(receiver: Receiver, signal: str, token: str | None) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    def export(body: bytes, context: grpc.ServicerContext) -> bytes:
        given = dict(context.invocation_metadata()).get("authorization")
        if token is not None and not token_matches(str(given) if given else None, token):
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "this collector needs its bearer token")
        try:
            return receiver.receive_blocking(signal, body)
        except MalformedRequest as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except Overloaded as error:  # RESOURCE_EXHAUSTED is retried only with this hint; UNAVAILABLE always is
            context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
        except Exception as error:
            context.abort(grpc.StatusCode.UNAVAILABLE, f"not stored ({error})")
        raise AssertionError("abort raises")

    return export


def _bind(server: Any, address: str, access: Access) -> int:
    if access.certificate is None or access.key is None:
        return int(server.add_insecure_port(address))
    pair = (access.key.read_bytes(), access.certificate.read_bytes())
    return int(server.add_secure_port(address, grpc.ssl_server_credentials([pair])))


def start_grpc(receiver: Receiver, host: str, port: int, access: Access) -> tuple[Any, int]:
    """Start serving; returns the server and its port. Raises PortInUse."""
    options = [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", MAX_BODY_BYTES)]
    server = grpc.server(
        ThreadPoolExecutor(MAX_IN_FLIGHT, thread_name_prefix="durascope-grpc"),
        options=options,
        maximum_concurrent_rpcs=MAX_IN_FLIGHT * 2,
    )
    for signal, service in _SERVICES.items():
        method = grpc.unary_unary_rpc_method_handler(_handler(receiver, signal, access.token))
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
