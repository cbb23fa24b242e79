"""The smallest value that satisfies a JSON schema, for structured output that no rule scripts."""

from collections.abc import Mapping
from typing import Any


def example(schema: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> Any:
    """A value of this schema. Knows what pydantic writes: objects, arrays, enums, unions, references."""
    root = schema if root is None else root
    if "$ref" in schema:
        return example(_resolve(str(schema["$ref"]), root), root)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for union in ("anyOf", "oneOf", "allOf"):
        if schema.get(union):
            return example(schema[union][0], root)
    match schema.get("type"):
        case "object":
            return {name: example(part, root) for name, part in schema.get("properties", {}).items()}
        case "array":
            return [example(schema["items"], root)] if isinstance(schema.get("items"), dict) else []
        case "integer":
            return int(schema.get("minimum", 1))
        case "number":
            return float(schema.get("minimum", 1.0))
        case "boolean":
            return True
        case "null":
            return None
    return str(schema.get("title", "text")).lower()


def _resolve(reference: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    part: Any = root
    for step in reference.removeprefix("#/").split("/"):
        part = part[step]
    return part  # type: ignore[no-any-return]  # a pointer into a schema is a schema
