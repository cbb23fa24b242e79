"""A model request as a script sees it: the same view of a Responses and of a Chat Completions body."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Endpoint = Literal["responses", "chat"]
ItemKind = Literal["user", "assistant", "call", "output"]


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of the conversation. ``name`` is the tool's, for calls and their outputs."""

    kind: ItemKind
    text: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What rules match on. ``seen`` counts how often this very request came before: a retry sends the same body."""

    endpoint: Endpoint
    model: str
    instructions: str
    items: tuple[Item, ...]
    tools: tuple[str, ...]
    schema: Mapping[str, Any] | None
    stream: bool
    fingerprint: str
    seen: int
    headers: Mapping[str, str]

    @property
    def user(self) -> str:
        """The last user message; empty if there is none."""
        return next((item.text for item in reversed(self.items) if item.kind == "user"), "")

    @property
    def since_user(self) -> tuple[Item, ...]:
        """Everything after the last user message."""
        for position in range(len(self.items) - 1, -1, -1):
            if self.items[position].kind == "user":
                return self.items[position + 1 :]
        return self.items

    @property
    def called(self) -> tuple[str, ...]:
        """Names of the tools (and handoffs) called since the last user message, in order."""
        return tuple(item.name for item in self.since_user if item.kind == "call")

    @property
    def outputs(self) -> tuple[Item, ...]:
        """What the tools answered since the last user message, in order."""
        return tuple(item for item in self.since_user if item.kind == "output")

    @property
    def length(self) -> int:
        """Characters of instructions and conversation together: what a token count follows."""
        return len(self.instructions) + sum(len(item.text) + len(item.name) for item in self.items)


def parse(endpoint: Endpoint, body: Mapping[str, Any], headers: Mapping[str, str], seen: int) -> ModelRequest:
    """The view of a request body. Unknown item types are left out: they carry nothing that a script matches on."""
    chat = endpoint == "chat"
    instructions, items = _chat_items(body) if chat else _response_items(body)
    return ModelRequest(
        endpoint=endpoint,
        model=str(body.get("model", "")),
        instructions=instructions,
        items=items,
        tools=tuple(_tool_names(body.get("tools") or (), chat)),
        schema=_schema(body, chat),
        stream=bool(body.get("stream")),
        fingerprint=fingerprint(endpoint, body),
        seen=seen,
        headers=dict(headers),
    )


def fingerprint(endpoint: Endpoint, body: Mapping[str, Any]) -> str:
    """16 hex digits that are the same for the same endpoint and body, whatever the order of its keys."""
    text = endpoint + json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return "" if content is None else json.dumps(content)


def _response_items(body: Mapping[str, Any]) -> tuple[str, tuple[Item, ...]]:
    instructions = str(body.get("instructions") or "")
    given = body.get("input", "")
    if isinstance(given, str):
        return instructions, (Item("user", given),)
    items: list[Item] = []
    names: dict[str, str] = {}
    for entry in given:
        match entry.get("type", "message"):
            case "message" if entry.get("role") in ("system", "developer"):
                instructions += "\n" + _text(entry.get("content"))
            case "message":
                kind: ItemKind = "assistant" if entry.get("role") == "assistant" else "user"
                items.append(Item(kind, _text(entry.get("content"))))
            case "function_call":
                names[entry["call_id"]] = entry["name"]
                items.append(Item("call", str(entry.get("arguments", "")), entry["name"]))
            case "function_call_output":
                items.append(Item("output", _text(entry.get("output")), names.get(entry["call_id"], "")))
    return instructions, tuple(items)


def _chat_items(body: Mapping[str, Any]) -> tuple[str, tuple[Item, ...]]:
    instructions: list[str] = []
    items: list[Item] = []
    names: dict[str, str] = {}
    for message in body.get("messages", ()):
        text = _text(message.get("content"))
        match message.get("role"):
            case "system" | "developer":
                instructions.append(text)
            case "assistant":
                if text:
                    items.append(Item("assistant", text))
                for call in message.get("tool_calls") or ():
                    function = call["function"]
                    names[call["id"]] = function["name"]
                    items.append(Item("call", str(function.get("arguments", "")), function["name"]))
            case "tool":
                items.append(Item("output", text, names.get(message.get("tool_call_id", ""), "")))
            case _:
                items.append(Item("user", text))
    return "\n".join(instructions), tuple(items)


def _tool_names(tools: Any, chat: bool) -> list[str]:
    """Function tools by name, hosted tools by type (``web_search``, ``mcp`` ...)."""
    return [str((tool.get("function", {}) if chat else tool).get("name") or tool.get("type", "")) for tool in tools]


def _schema(body: Mapping[str, Any], chat: bool) -> Mapping[str, Any] | None:
    wanted = body.get("response_format") if chat else (body.get("text") or {}).get("format")
    if not isinstance(wanted, dict) or wanted.get("type") != "json_schema":
        return None
    schema = (wanted.get("json_schema") or {}).get("schema") if chat else wanted.get("schema")
    return schema if isinstance(schema, dict) else None
