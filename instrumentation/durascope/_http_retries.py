"""The OpenAI client's own retries, inside one attempt: counted where it goes to sleep before the next.

A successful answer does not tell how many tries it took, and a client with retries of its own hides failures from
Temporal; so the client's private `_sleep_for_retry` is wrapped while a worker runs. Without it nothing is counted.
"""

import threading
from typing import Any

from openai._base_client import AsyncAPIClient, SyncAPIClient

from durascope._run import current_attempt

_lock = threading.Lock()
_users = 0
_originals: dict[type, Any] = {}


def _count() -> None:
    attempt = current_attempt.get()
    if attempt is not None:
        attempt.http_retries += 1


def watch() -> None:
    """Start counting; call ``unwatch`` as often."""
    global _users
    with _lock:
        _users += 1
        if _users == 1 and hasattr(AsyncAPIClient, "_sleep_for_retry") and hasattr(SyncAPIClient, "_sleep_for_retry"):
            _wrap()


def unwatch() -> None:
    """The last user restores the client as it was."""
    global _users
    with _lock:
        _users -= 1
        if _users == 0:
            for client, original in _originals.items():
                client._sleep_for_retry = original  # type: ignore[attr-defined]  # keys are the two client classes
            _originals.clear()


def _wrap() -> None:
    of_async, of_sync = AsyncAPIClient._sleep_for_retry, SyncAPIClient._sleep_for_retry
    _originals.update({AsyncAPIClient: of_async, SyncAPIClient: of_sync})

    async def sleep_async(self: AsyncAPIClient, *args: Any, **kwargs: Any) -> None:
        _count()
        await of_async(self, *args, **kwargs)

    def sleep_sync(self: SyncAPIClient, *args: Any, **kwargs: Any) -> None:
        _count()
        of_sync(self, *args, **kwargs)

    AsyncAPIClient._sleep_for_retry = sleep_async  # type: ignore[method-assign]  # put back by unwatch
    SyncAPIClient._sleep_for_retry = sleep_sync  # type: ignore[method-assign]  # put back by unwatch
