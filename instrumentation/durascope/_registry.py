"""Keeps the one Agents processor registered while anything of ours runs, whoever evicts it.

`use_otel_instrumentation` evicts every processor that was there, and the integration swaps the whole provider on worker
start; so registration is checked again whenever an activity or a run begins.
"""

import threading
from typing import Any

from agents.tracing import TracingProcessor, get_trace_provider

from durascope._pipeline import Pipeline
from durascope._processor import AgentsProcessor
from durascope._safely import safely

processor = AgentsProcessor()
_lock = threading.Lock()
_users = 0
_clients: list[Pipeline] = []  # of plugins on clients; what happens outside of Temporal goes to the last


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
    """A worker has stopped."""
    global _users
    with _lock:
        _users -= 1
    _unregister_unused()


@safely
def attend(pipeline: Pipeline) -> None:
    """A client begins to use this pipeline."""
    with _lock:
        _clients.append(pipeline)
        processor.outside.pipeline = pipeline
    ensure_registered()


@safely
def forget(pipeline: Pipeline) -> None:
    """A pipeline is closed."""
    with _lock:
        _clients[:] = [each for each in _clients if each is not pipeline]
        processor.outside.pipeline = _clients[-1] if _clients else None
    _unregister_unused()


def _unregister_unused() -> None:
    """After the last worker and the last client the processor goes."""
    provider = get_trace_provider()
    with _lock:
        found = registered(provider)
        if _users <= 0 and not _clients and processor in found:
            provider.set_processors([each for each in found if each is not processor])
