"""OTLP messages, declared again so that what is expensive to walk stays bytes.

`bytes` and an embedded message look the same on the wire. With ``repeated bytes attributes`` upb hands over every
KeyValue as one bytes object, and equal bytes are decoded once (see attributes.py): most attributes of agent spans
repeat from span to span. Field numbers are those of opentelemetry-proto 1.x, which promises never to change them.
"""

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "durascope.wire"
_BYTES, _MESSAGE, _FIXED64, _INT32, _INT64, _BOOL, _DOUBLE = 12, 11, 6, 5, 3, 8, 1
_REPEATED = 3

# message -> field -> (number, type, repeated | message name)
_Field = tuple[int, int, bool, str]
_MESSAGES: Final[dict[str, dict[str, _Field]]] = {
    "Resource": {"attributes": (1, _BYTES, True, "")},
    "Scope": {"name": (1, _BYTES, False, "")},
    "Status": {"message": (2, _BYTES, False, ""), "code": (3, _INT32, False, "")},
    "Span": {
        "trace_id": (1, _BYTES, False, ""),
        "span_id": (2, _BYTES, False, ""),
        "parent_span_id": (4, _BYTES, False, ""),
        "name": (5, _BYTES, False, ""),
        "start": (7, _FIXED64, False, ""),
        "end": (8, _FIXED64, False, ""),
        "attributes": (9, _BYTES, True, ""),
        "events": (11, _BYTES, True, ""),
        "status": (15, _MESSAGE, False, "Status"),
    },
    "ScopeSpans": {"scope": (1, _MESSAGE, False, "Scope"), "spans": (2, _MESSAGE, True, "Span")},
    "ResourceSpans": {
        "resource": (1, _MESSAGE, False, "Resource"),
        "scope_spans": (2, _MESSAGE, True, "ScopeSpans"),
    },
    "TraceRequest": {"resource_spans": (1, _MESSAGE, True, "ResourceSpans")},
    # The same with each span as bytes, for walking.py.
    "EncodedScopeSpans": {"scope": (1, _MESSAGE, False, "Scope"), "spans": (2, _BYTES, True, "")},
    "EncodedResourceSpans": {
        "resource": (1, _MESSAGE, False, "Resource"),
        "scope_spans": (2, _MESSAGE, True, "EncodedScopeSpans"),
    },
    "EncodedTraceRequest": {"resource_spans": (1, _MESSAGE, True, "EncodedResourceSpans")},
    "LogRecord": {
        "time": (1, _FIXED64, False, ""),
        "body": (5, _BYTES, False, ""),
        "attributes": (6, _BYTES, True, ""),
        "trace_id": (9, _BYTES, False, ""),
        "span_id": (10, _BYTES, False, ""),
        "observed": (11, _FIXED64, False, ""),
        "event_name": (12, _BYTES, False, ""),
    },
    "ScopeLogs": {"scope": (1, _MESSAGE, False, "Scope"), "logs": (2, _MESSAGE, True, "LogRecord")},
    "ResourceLogs": {"resource": (1, _MESSAGE, False, "Resource"), "scope_logs": (2, _MESSAGE, True, "ScopeLogs")},
    "LogsRequest": {"resource_logs": (1, _MESSAGE, True, "ResourceLogs")},
    "AnyValue": {
        "string_value": (1, _BYTES, False, ""),  # bytes: one wrong byte must not cost the whole batch
        "bool_value": (2, _BOOL, False, ""),
        "int_value": (3, _INT64, False, ""),
        "double_value": (4, _DOUBLE, False, ""),
        "array_value": (5, _MESSAGE, False, "ArrayValue"),
        "kvlist_value": (6, _MESSAGE, False, "KeyValueList"),
        "bytes_value": (7, _BYTES, False, ""),
    },
    "ArrayValue": {"values": (1, _MESSAGE, True, "AnyValue")},
    "KeyValueList": {"values": (1, _MESSAGE, True, "KeyValue")},
    "KeyValue": {"key": (1, _BYTES, False, ""), "value": (2, _MESSAGE, False, "AnyValue")},
    "Event": {"time": (1, _FIXED64, False, ""), "name": (2, _BYTES, False, ""), "attributes": (3, _BYTES, True, "")},
}


def _pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(name="durascope_wire.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        if name == "AnyValue":
            message.oneof_decl.add(name="value")
        for field, (number, kind, repeated, of) in fields.items():
            added = message.field.add(name=field, number=number, type=kind, label=_REPEATED if repeated else 1)
            if name == "AnyValue":
                added.oneof_index = 0
            if of:
                added.type_name = f".{_PACKAGE}.{of}"
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool


_POOL = _pool()


def _class(name: str) -> Any:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


TraceRequest: Final = _class("TraceRequest")
EncodedTraceRequest: Final = _class("EncodedTraceRequest")
Status: Final = _class("Status")
LogsRequest: Final = _class("LogsRequest")
Event: Final = _class("Event")
KeyValue: Final = _class("KeyValue")
