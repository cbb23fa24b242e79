"""The join in a process of its own, so that receiving OTLP never waits for pandas.

The collector writes a request to the child's stdin and reads the answer from its stdout; each is a length and a
pickle of Arrow tables. The child ends when its stdin does, so it never outlives the collector, however that ends.
"""

import gc
import logging
import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import IO, Any, Final

import pyarrow as pa

log = logging.getLogger("durascope.collector")

Tables = Mapping[str, pa.Table]
Join = Callable[[Tables, int], Tables]
"""(evidence by table, now in µs) -> the joined tables by name."""

_SIZE: Final = struct.Struct("<Q")
_NICE: Final = 5  # joins give way to receiving, not the other way round
# The child holds much for a moment and little between: what it frees should not be kept aside. It is 50 MB less at its
# height; in the collector's own process, with its dozen threads, the same costs a tenth of the speed.
_LEAN: Final = {"MALLOC_ARENA_MAX": "2", "ARROW_DEFAULT_MEMORY_POOL": "system"}


class JoinFailed(Exception):
    """The join of these runs raised; the message says what."""


def join_here(evidence: Tables, now: int) -> Tables:
    """Join in this process."""
    from durascope_dashboard.analysis.frames import from_arrow, to_arrow
    from durascope_dashboard.analysis.join import Evidence, join

    joined = join(Evidence(**{name: from_arrow(rows, name) for name, rows in evidence.items()}), now)
    return {name: to_arrow(getattr(joined, name), name) for name in ("runs", "operations", "attempts")}


class Joiner:
    """The child process, started with the first join and again whenever it has died. Call it from one thread."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def __call__(self, evidence: Tables, now: int) -> Tables:
        """As ``join_here``. Raises JoinFailed, and OSError if the child died twice on the same evidence."""
        request = pickle.dumps((dict(evidence), now), protocol=5)
        with self._lock:
            try:
                answer = self._ask(request)
            except (OSError, EOFError):
                log.warning("the process that joins runs has ended; another one takes its place")
                self._end()
                answer = self._ask(request)
        if isinstance(answer, str):
            raise JoinFailed(answer)
        tables: Tables = answer
        return tables

    def _ask(self, request: bytes) -> Any:
        if self._process is not None and self._process.poll() is not None:
            self._end()  # it died since it was last asked
        process = self._process
        if process is None:
            process = self._process = subprocess.Popen(
                [sys.executable, "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=_LEAN | os.environ,
            )
        assert process.stdin is not None
        assert process.stdout is not None
        _write(process.stdin, request)
        return pickle.loads(_read(process.stdout))

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:
                pass  # what was left in the buffer of a dead process's pipe
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._end()


def _write(stream: IO[bytes], body: bytes) -> None:
    stream.write(_SIZE.pack(len(body)))
    stream.write(body)
    stream.flush()


def _read(stream: IO[bytes]) -> bytes:
    head = stream.read(_SIZE.size)
    if len(head) < _SIZE.size:
        raise EOFError
    size = _SIZE.unpack(head)[0]
    body = stream.read(size)
    if len(body) < size:
        raise EOFError
    return body


def _serve() -> None:
    """Answer until stdin ends."""
    for number in (signal.SIGINT, signal.SIGTERM):  # they may reach the whole group; the collector still has to flush
        signal.signal(number, signal.SIG_IGN)
    os.nice(_NICE)
    gc.set_threshold(50_000, 20, 50)  # frames are many objects and no cycles
    incoming, outgoing = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a stray print must not end up between two answers
    while True:
        try:
            evidence, now = pickle.loads(_read(incoming))
        except EOFError:
            return
        try:
            answer: Any = join_here(evidence, now)
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"
        try:
            _write(outgoing, pickle.dumps(answer, protocol=5))
        except BrokenPipeError:
            return  # the collector was killed


if __name__ == "__main__":
    _serve()
