"""Who is who: the keys of runs, operations and attempts, and the deterministic ids made from them.

Worker and history reader compute the same ids from the same keys, so a span that is exported twice,
or once live and once from history, is one span. Never change a hash input: stored data would split.
"""

import hashlib
import re
from functools import lru_cache
from typing import NamedTuple

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)


class RunKey(NamedTuple):
    """One execution of a workflow. A trace id is an attribute of a run, never its key."""

    namespace: str
    workflow_id: str
    run_id: str


class AttemptKey(NamedTuple):
    """One attempt of one activity; everything about attempts upserts on it."""

    namespace: str
    workflow_id: str
    run_id: str
    activity_id: str
    attempt: int

    @property
    def run(self) -> RunKey:
        """The run that it belongs to."""
        return RunKey(self.namespace, self.workflow_id, self.run_id)


def _digest(size: int, *parts: str | int) -> int:
    # Length-prefixed, so that no two different lists of parts read the same.
    text = "".join(f"{len(part)}:{part}" for part in map(str, parts))
    value = int.from_bytes(hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=size).digest(), "big")
    return value or 1  # all zeroes is invalid in W3C trace context


def trace_id(run: RunKey) -> int:
    """The 128-bit trace id of a run whose start carried no W3C context."""
    return _digest(16, "trace", *run)


def run_span_id(run: RunKey) -> int:
    """The 64-bit span id of the workflow-run span."""
    return _digest(8, "run", *run)


def operation_span_id(run: RunKey, operation_id: str) -> int:
    """The span id of a logical operation; ``operation_id`` as in :func:`activity_operation`."""
    return _digest(8, "operation", *run, operation_id)


def attempt_span_id(key: AttemptKey) -> int:
    """The span id of one activity attempt."""
    return _digest(8, "attempt", *key)


@lru_cache(maxsize=1024)  # asked for as a span, and as the parent of others
def agents_span_id(agents_id: str, run: RunKey | None = None) -> int:
    """The OTel span id of an Agents SDK span, in this ``run`` or outside of any.

    Its own id is already deterministic inside a workflow; but a reset repeats it in another run of the same trace.
    """
    return _digest(8, "agents", *(run or ()), agents_id)


def activity_operation(activity_id: str) -> str:
    """The operation id of an activity (local ones too)."""
    return f"activity:{activity_id}"


def child_operation(workflow_id: str, nth: int) -> str:
    """The operation id of a run's ``nth`` child (from 1) with this workflow id."""
    return f"child:{nth}:{workflow_id}"


def nexus_operation(service: str, operation: str, nth: int) -> str:
    """The operation id of a run's ``nth`` call (from 1) of this Nexus operation."""
    return f"nexus:{nth}:{service}.{operation}"


def format_trace_id(value: int) -> str:
    """32 lower-case hex digits."""
    return f"{value:032x}"


def format_span_id(value: int) -> str:
    """16 lower-case hex digits."""
    return f"{value:016x}"


def traceparent(trace: int, span: int, *, sampled: bool = True) -> str:
    """A W3C ``traceparent`` header value."""
    return f"00-{format_trace_id(trace)}-{format_span_id(span)}-{'01' if sampled else '00'}"


class RemoteContext(NamedTuple):
    """A parsed W3C ``traceparent``."""

    trace_id: int
    span_id: int
    sampled: bool


def parse_traceparent(value: object) -> RemoteContext | None:
    """Parse a W3C ``traceparent``; anything malformed or all-zero is None, never an error."""
    if not isinstance(value, str):
        return None
    found = _TRACEPARENT.fullmatch(value.strip())
    if found is None or found[1] == "ff" or (found[1] == "00" and found[5]):
        return None
    trace, span, flags = int(found[2], 16), int(found[3], 16), int(found[4], 16)
    return RemoteContext(trace, span, bool(flags & 1)) if trace and span else None
