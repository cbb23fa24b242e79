"""A function in a process of its own, so that this one's threads never wait for it.

Its arguments are written to the child's stdin and its result read from its stdout; each is a length and a pickle. The
child ends when its stdin does, so it never outlives who asks, however that ends.
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
from collections.abc import Callable
from importlib import import_module
from typing import IO, Any, Final, Self

log = logging.getLogger("durascope.child")

_SIZE: Final = struct.Struct("<Q")
# A child holds much for a moment and little between: what it frees should not be kept aside. It is 50 MB less at its
# height; in the collector's own process, with its dozen threads, the same costs a tenth of the speed.
_LEAN: Final = {"MALLOC_ARENA_MAX": "2", "ARROW_DEFAULT_MEMORY_POOL": "system"}


class ChildFailed(Exception):
    """The function raised; the message says what."""


class Child:
    """The process: started with the first call, if not before, and again when it has died.

    Safe to share between threads; calls are answered one after the other.
    """

    def __init__(self, function: Callable[..., Any], what: str, *, nice: int = 0) -> None:
        """``function`` of a module. ``what`` it does, for the log. ``nice``: so much less urgent than this process."""
        self._command = [sys.executable, "-m", __name__, function.__module__, function.__qualname__, str(nice)]
        self._what = what
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def start(self) -> Self:
        """Start the process already, so that its imports are done when it is first called."""
        with self._lock:
            self._process = self._process or self._started()
        return self

    def __call__(self, *arguments: Any) -> Any:
        """The function's result. Raises ChildFailed, and OSError or EOFError if it died twice on the same arguments."""
        request = pickle.dumps(arguments, protocol=5)
        with self._lock:
            try:
                failed, answer = self._ask(request)
            except (OSError, EOFError):
                log.warning("the process that %s has ended; another one takes its place", self._what)
                self._end()
                failed, answer = self._ask(request)
        if failed:
            raise ChildFailed(answer)
        return answer

    def _ask(self, request: bytes) -> tuple[bool, Any]:
        if self._process is not None and self._process.poll() is not None:
            self._end()  # it died since it was last asked
        process = self._process
        if process is None:
            process = self._process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        _write(process.stdin, request)
        failed, answer = pickle.loads(_read(process.stdout))
        return failed, answer

    def _started(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_LEAN | os.environ)

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
        """End the process."""
        with self._lock:
            self._end()


def _serve(module: str, name: str, nice: str) -> None:
    """Answer until stdin ends."""
    for number in (signal.SIGINT, signal.SIGTERM):  # they may reach the whole group; who asks still has to flush
        signal.signal(number, signal.SIG_IGN)
    os.nice(int(nice))
    gc.set_threshold(50_000, 20, 50)  # frames and records are many objects and no cycles
    incoming, outgoing = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a stray print must not end up between two answers
    function = getattr(import_module(module), name)  # after the signals: it takes long enough for a Ctrl-C
    while True:
        try:
            arguments = pickle.loads(_read(incoming))
        except EOFError:
            os._exit(0)  # nothing is left to flush, and to take pandas down in order takes a quarter of a second
        try:
            answer: tuple[bool, Any] = (False, function(*arguments))
        except Exception as error:
            answer = (True, f"{type(error).__name__}: {error}")
        try:
            _write(outgoing, pickle.dumps(answer, protocol=5))
        except BrokenPipeError:
            os._exit(0)  # who asked was killed


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


if __name__ == "__main__":
    _serve(*sys.argv[1:])
