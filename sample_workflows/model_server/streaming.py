"""Answers as server-sent events: the event sequences of both APIs, as data. Timing and sending are done elsewhere."""

import json
from collections.abc import Iterator
from typing import Any

from sample_workflows.model_server import chat_api, responses_api
from sample_workflows.model_server.answers import Spoken
from sample_workflows.model_server.request import ModelRequest
from sample_workflows.model_server.usage import Usage

WORDS_PER_CHUNK = 3


def chunks(text: str) -> list[str]:
    """The text in pieces of a few words, as models send it; joined they are the text."""
    words = text.split(" ")
    pieces = [" ".join(words[i : i + WORDS_PER_CHUNK]) for i in range(0, len(words), WORDS_PER_CHUNK)]
    return [piece if i == len(pieces) - 1 else f"{piece} " for i, piece in enumerate(pieces)]


def events(
    request: ModelRequest, answer: Spoken, usage: Usage, key: str, created: float, *, told: bool = True
) -> Iterator[str]:
    """Every event of one answer, ready to send; with its usage, if that is to be ``told``."""
    if request.endpoint == "chat":
        for chunk in _chat_chunks(request, answer, usage, key, created):
            if chunk["usage"] is not None and not told:
                continue
            yield f"data: {json.dumps(chunk)}\n\n"
        yield "data: [DONE]\n\n"
        return
    for number, event in enumerate(_response_events(request, answer, usage, key, created, told)):
        yield f"event: {event['type']}\ndata: {json.dumps({**event, 'sequence_number': number})}\n\n"


def _response_events(
    request: ModelRequest, answer: Spoken, usage: Usage, key: str, created: float, told: bool
) -> Iterator[dict[str, Any]]:
    whole = responses_api.body(request, answer, usage, key, created)
    whole["usage"] = whole["usage"] if told else None
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(whole["output"]):
        where = {"output_index": index}
        yield {"type": "response.output_item.added", "item": _begun(item), **where}
        match item["type"]:
            case "message":
                yield from _text_events(item, where)
            case "function_call":
                yield from _arguments_events(item, where)
        yield {"type": "response.output_item.done", "item": item, **where}
    yield {"type": "response.completed", "response": whole}


def _begun(item: dict[str, Any]) -> dict[str, Any]:
    hollow: dict[str, dict[str, Any]] = {"message": {"content": []}, "function_call": {"arguments": ""}}
    empty = hollow.get(item["type"], {})
    status = {"status": "in_progress"} if "status" in item else {}
    return {**item, **empty, **status}


def _text_events(item: dict[str, Any], where: dict[str, Any]) -> Iterator[dict[str, Any]]:
    place = {**where, "item_id": item["id"], "content_index": 0}
    [part] = item["content"]
    yield {"type": "response.content_part.added", "part": {**part, "text": ""}, **place}
    for piece in chunks(part["text"]):
        yield {"type": "response.output_text.delta", "delta": piece, "logprobs": [], **place}
    yield {"type": "response.output_text.done", "text": part["text"], "logprobs": [], **place}
    yield {"type": "response.content_part.done", "part": part, **place}


def _arguments_events(item: dict[str, Any], where: dict[str, Any]) -> Iterator[dict[str, Any]]:
    place = {**where, "item_id": item["id"]}
    for piece in chunks(item["arguments"]):
        yield {"type": "response.function_call_arguments.delta", "delta": piece, **place}
    done = {"arguments": item["arguments"], "name": item["name"]}
    yield {"type": "response.function_call_arguments.done", **done, **place}


def _chat_chunks(
    request: ModelRequest, answer: Spoken, usage: Usage, key: str, created: float
) -> Iterator[dict[str, Any]]:
    message, reason = chat_api.message_of(answer, key)
    base = {"id": f"chatcmpl-{key}", "object": "chat.completion.chunk", "created": int(created), "model": request.model}

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "usage": None}

    yield chunk({"role": "assistant", "content": ""})
    for piece in chunks(message["content"] or ""):
        if piece:
            yield chunk({"content": piece})
    for index, call in enumerate(message.get("tool_calls", ())):
        yield chunk({"tool_calls": [{**call, "index": index}]})
    yield chunk({}, reason)
    yield {**base, "choices": [], "usage": chat_api.usage_object(usage)}
