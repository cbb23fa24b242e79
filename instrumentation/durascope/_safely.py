"""Telemetry never breaks a run: everything Durascope does inside one goes through here, and failures are counted."""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger("durascope")
_lock = threading.Lock()
_failures: Counter[str] = Counter()


def safely(function: Callable[P, T]) -> Callable[P, T | None]:
    """Make ``function`` return None where it would raise; the failure is counted, and logged the first time."""

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T | None:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            count_failure(function.__qualname__, error)
            return None

    return guarded


def count_failure(where: str, error: BaseException, *, secret: bool = False) -> None:
    """Count a swallowed error of ours; the first at each place is logged.

    With its traceback, unless what it says may quote content (``secret``): then only its type is told.
    """
    with _lock:
        _failures[where] += 1
        first = _failures[where] == 1
    if first:
        what = f"{where} ({type(error).__name__})"
        told = None if secret else error
        logger.warning("durascope failed in %s; the run goes on without this telemetry", what, exc_info=told)


def failures() -> dict[str, int]:
    """How often Durascope itself failed, by place."""
    with _lock:
        return dict(_failures)
