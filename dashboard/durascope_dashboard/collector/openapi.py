"""The API's OpenAPI document, made from the signatures of the named queries and the tables: it cannot fall behind."""

import inspect
from types import UnionType
from typing import Any, Final, get_args

from durascope_dashboard.collector.history_api import NEEDED, TABLES, WORDS
from durascope_dashboard.store import schema
from durascope_dashboard.store.queries.named import MAX_LIMIT, NamedQuery

ARROW: Final = "application/vnd.apache.arrow.stream"
_INTEGER: Final = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}
_ERROR: Final = {
    "type": "object",
    "required": ["error", "type"],
    "properties": {"error": {"type": "string"}, "type": {"type": "string"}},
}
_OBJECTS: Final = {"type": "array", "items": {"type": "object"}}


def document(queries: dict[str, NamedQuery], version: str) -> dict[str, Any]:
    """OpenAPI 3.1 of everything that can be read, as JSON-ready Python."""
    paths = {f"/api/v1/query/{name}": {"get": _query(query)} for name, query in sorted(queries.items())}
    paths["/api/v1/query/store_info"] = {
        "get": _operation("store_info", "What the store holds.", [], {"application/json": {"schema": _OBJECTS}})
    }
    paths["/api/v1/runs"] = {"get": _runs(queries["runs"])}
    paths["/api/v1/runs/{workflow_id}"] = {"get": _run(queries["run"])}
    paths["/api/v1/histories"] = {"post": _histories()}
    paths["/api/v1/histories/known"] = {"post": _known()}
    paths["/healthz"] = {"get": _health()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Durascope collector",
            "version": version,
            "description": "Named queries over runs, operations, attempts and spans. Times are microseconds since the "
            "epoch (UTC), durations milliseconds. Arrow IPC is the default; Accept: application/json gives JSON.",
        },
        "paths": paths,
        "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
        "security": [{}, {"bearer": []}],
    }


def _operation(name: str, summary: str, parameters: list[Any], content: dict[str, Any]) -> dict[str, Any]:
    errors = {
        status: {"description": text, "content": {"application/json": {"schema": _ERROR}}}
        for status, text in (
            ("400", "A parameter is wrong; the sentence says which and what it may be."),
            ("401", "The token is missing or wrong."),
            ("403", "Asked from another origin."),
            ("404", "There is no such run."),
            ("421", "The Host header is not a name of this collector."),
            ("503", "The store cannot answer now."),
        )
    }
    return {
        "operationId": name,
        "summary": summary,
        "parameters": parameters,
        "responses": {"200": {"description": "The rows.", "content": content}, **errors},
    }


def _query(query: NamedQuery) -> dict[str, Any]:
    content = {"application/json": {"schema": _OBJECTS}, ARROW: {"schema": {"type": "string", "format": "binary"}}}
    return _operation(query.name, query.summary, _parameters(query), content)


def _runs(query: NamedQuery) -> dict[str, Any]:
    content = {"application/json": {"schema": _OBJECTS}}
    return _operation("run_objects", "Runs as `durascope runs --json` prints them.", _parameters(query), content)


def _run(query: NamedQuery) -> dict[str, Any]:
    workflow = {"name": "workflow_id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    others = [item for item in _parameters(query) if item["name"] != "workflow_id"]
    content = {"application/json": {"schema": {"type": "object"}}}
    return _operation("run_object", "One run as `durascope show --json` prints it.", [workflow, *others], content)


def _histories() -> dict[str, Any]:
    tables = {name: _columns(name, schema.TABLES[name]) for name in TABLES}
    return _post(
        "store_histories",
        "Put histories in place of what was known of their runs; answered when committed.",
        _closed_object(tables),
        _closed_object({"stored": {"type": "integer"}}),
    )


def _known() -> dict[str, Any]:
    keys = _columns("", schema.RUN_KEYS)
    return _post("known_histories", "Those of these runs whose whole, closed history is stored.", keys, keys)


def _post(name: str, summary: str, body: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    found = _operation(name, summary, [], {"application/json": {"schema": answer}})
    found["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    refused = {"application/json": {"schema": {"type": "object", "required": ["message"]}}}
    found["responses"] |= {
        status: {"description": text, "content": refused}
        for status, text in (
            ("400", "The body is not what it has to be; the sentence says where."),
            ("413", "The body is too large; send fewer runs at once."),
            ("415", "The content encoding is neither gzip nor deflate."),
            ("429", "Too much waits; send again after Retry-After."),
        )
    }
    return found


def _columns(table: str, columns: Any) -> dict[str, Any]:
    return _closed_object(
        {field.name: {"type": "array", "items": _cell(table, field.name, str(field.type))} for field in columns}
    )


def _cell(table: str, column: str, kind: str) -> dict[str, Any]:
    name = {"string": "string", "int64": "integer", "double": "number", "bool": "boolean"}[kind]
    found: dict[str, Any] = dict(_INTEGER) if name == "integer" else {"type": name}
    if words := WORDS.get((table, column)):
        found["enum"] = sorted(words)
    if column not in NEEDED.get(table, ()):
        found["type"] = [name, "null"]
    return found


def _closed_object(members: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": members, "required": list(members), "additionalProperties": False}


def _health() -> dict[str, Any]:
    body = {"application/json": {"schema": {"type": "object", "required": ["status"]}}}
    return {
        "operationId": "healthz",
        "summary": "Readiness, and how far ingest and history are behind.",
        "responses": {
            "200": {"description": "Ready.", "content": body},
            "403": {"description": "Asked from another origin."},
            "421": {"description": "The Host header is not a name of this collector."},
            "503": {"description": "Not ready yet.", "content": body},
        },
    }


def _parameters(query: NamedQuery) -> list[dict[str, Any]]:
    found = []
    for name, parameter in query.parameters.items():
        required = parameter.default is inspect.Parameter.empty
        item = {"name": name, "in": "query", "required": required, "schema": _schema(name, parameter)}
        if "array" in str(item["schema"]):
            item |= {"style": "form", "explode": True}
        found.append(item)
    return found


def _schema(name: str, parameter: inspect.Parameter) -> dict[str, Any]:
    annotation = parameter.annotation
    types = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    if list[str] in types:
        return {"type": "array", "items": {"type": "string"}}
    schema: dict[str, Any] = {"type": "string"}
    if bool in types:
        schema = {"type": "boolean"}
    elif int in types:
        schema = {"type": "integer", "minimum": 0, "maximum": MAX_LIMIT} if name == "limit" else dict(_INTEGER)
    if parameter.default not in (None, inspect.Parameter.empty):
        schema["default"] = parameter.default
    return schema
