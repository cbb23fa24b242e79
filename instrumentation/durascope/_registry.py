"""Keeps the one Agents processor registered while anything of ours runs, whoever evicts it.

`use_otel_instrumentation` evicts every processor that was there, and the integration swaps the whole provider on worker
start; so registration is checked again whenever an activity or a run begins.
"""

import threading
from typing import Any

from agents.tracing import TracingProcessor, get_trace_provider

from durascope._processor import AgentsProcessor
from durascope._safely import safely

processor = AgentsProcessor()
_lock = threading.Lock()
_users = 0


@safely
def ensure_registered() -> None:
    """Register the processor unless it is there. Cheap when it is."""
    provider = get_trace_provider()
    if processor not in registered(provider):
        with _lock:
            if processor not in registered(provider):
                provider.register_processor(processor)


def registered(provider: Any) -> tuple[TracingProcessor, ...]:
    """The processors that a provider really calls, through the wrappers that the integration puts around them."""
    inner: Any = getattr(provider, "_multi_processor", None)
    while hasattr(inner, "_impl"):
        inner = inner._impl
    found = getattr(inner, "_processors", ())
    return tuple(found)


def enter() -> None:
    """A worker starts."""
    global _users
    with _lock:
        _users += 1
    ensure_registered()


@safely
def leave() -> None:
    """A worker has stopped; after the last, the processor goes."""
    global _users
    provider = get_trace_provider()
    with _lock:
        _users -= 1
        found = registered(provider)
        if _users <= 0 and processor in found and processor.outside.pipeline is None:
            provider.set_processors([each for each in found if each is not processor])
