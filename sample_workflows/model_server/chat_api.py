"""Answers on the wire of the Chat Completions API."""

import json
from typing import Any

from sample_workflows.model_server.answers import Call, Handoff, Spoken, Structured, Text, ToolCalls
from sample_workflows.model_server.request import ModelRequest
from sample_workflows.model_server.usage import Usage


def body(request: ModelRequest, answer: Spoken, usage: Usage, key: str, created: float) -> dict[str, Any]:
    """A ``chat.completion`` object; ``key`` makes its ids."""
    message, reason = message_of(answer, key)
    return {
        "id": f"chatcmpl-{key}",
        "object": "chat.completion",
        "created": int(created),
        "model": request.model,
        "choices": [{"index": 0, "message": message, "finish_reason": reason, "logprobs": None}],
        "usage": usage_object(usage),
    }


def usage_object(usage: Usage) -> dict[str, Any]:
    """The ``usage`` part."""
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached_input,
            "cache_write_tokens": usage.cache_write,
            "audio_tokens": 0,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": 0},
    }


def message_of(answer: Spoken, key: str) -> tuple[dict[str, Any], str]:
    """The assistant's message and the finish reason."""
    match answer:
        case Text() | Structured():
            return {"role": "assistant", "content": answer.text, "refusal": None}, "stop"
        case ToolCalls():
            calls = answer.calls
        case Handoff():
            calls = (Call(answer.tool),)
    return {"role": "assistant", "content": None, "refusal": None, "tool_calls": _calls(calls, key)}, "tool_calls"


def _calls(calls: tuple[Call, ...], key: str) -> list[dict[str, Any]]:
    return [
        {
            "id": f"call_{key}_{number}",
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(dict(call.arguments))},
        }
        for number, call in enumerate(calls)
    ]
