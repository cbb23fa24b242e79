"""Answers on the wire of the Responses API."""

import json
from typing import Any

from sample_workflows.model_server.answers import Call, Handoff, Spoken, Structured, Text, ToolCalls
from sample_workflows.model_server.request import ModelRequest
from sample_workflows.model_server.usage import Usage


def body(request: ModelRequest, answer: Spoken, usage: Usage, key: str, created: float) -> dict[str, Any]:
    """A completed ``response`` object; ``key`` makes its ids."""
    return {
        "id": f"resp_{key}",
        "object": "response",
        "created_at": int(created),
        "status": "completed",
        "model": request.model,
        "output": output_items(answer, usage, key),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "temperature": 1.0,
        "top_p": 1.0,
        "usage": usage_object(usage),
    }


def usage_object(usage: Usage) -> dict[str, Any]:
    """The ``usage`` part."""
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached_input, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total,
    }


def output_items(answer: Spoken, usage: Usage, key: str) -> list[dict[str, Any]]:
    """The ``output`` list: a reasoning item where tokens went into one, then the message or the calls."""
    items: list[dict[str, Any]] = []
    if usage.reasoning:
        items.append({"type": "reasoning", "id": f"rs_{key}", "summary": []})
    if isinstance(answer, Text | ToolCalls) and answer.searched is not None:
        items.append(_web_search(answer.searched, key))
    match answer:
        case Text() | Structured():
            content = [{"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}]
            items.append(
                {"type": "message", "id": f"msg_{key}", "role": "assistant", "status": "completed", "content": content}
            )
        case ToolCalls():
            items += [_call(call, key, number) for number, call in enumerate(answer.calls)]
        case Handoff():
            items.append(_call(Call(answer.tool), key, 0))
    return items


def _web_search(query: str, key: str) -> dict[str, Any]:
    action = {"type": "search", "query": query, "queries": [query], "sources": []}
    return {"type": "web_search_call", "id": f"ws_{key}", "status": "completed", "action": action}


def _call(call: Call, key: str, number: int) -> dict[str, Any]:
    return {
        "type": "function_call",
        "id": f"fc_{key}_{number}",
        "call_id": f"call_{key}_{number}",
        "name": call.name,
        "arguments": json.dumps(dict(call.arguments)),
        "status": "completed",
    }
