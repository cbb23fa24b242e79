"""Answers from a running collector: Arrow over HTTP."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.ipc

from durascope_dashboard import exceptions
from durascope_dashboard.collector.settings import checked_token
from durascope_dashboard.exceptions import DurascopeError, Refused, StoreUnavailable, UsageError

TIMEOUT_S = 30.0
ARROW = "application/vnd.apache.arrow.stream"


class RemoteReader:
    """A reader over a collector's read API. Safe to share between threads. Raises UsageError for a URL that is none."""

    def __init__(self, server: str, *, token: str | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self.server = server.rstrip("/")
        headers = {"Authorization": f"Bearer {checked_token(token)}"} if token else {}
        try:
            # The collector is named outright: a proxy set for the internet has no business between.
            self._client = httpx.Client(base_url=self.server, headers=headers, timeout=timeout_s, trust_env=False)
        except httpx.InvalidURL as error:
            raise UsageError(
                f"{server!r} is no collector's URL ({error}); write it as http://127.0.0.1:4318"
            ) from error

    def query(self, name: str, **params: Any) -> pa.Table:
        """Rows of the named query. Raises what the collector's store raised, or StoreUnavailable."""
        given = {key: value for key, value in params.items() if value is not None}
        answer = self._get(f"/api/v1/query/{name}", given)
        if answer.status_code != 200:
            raise _error(answer)
        with pyarrow.ipc.open_stream(answer.content) as stream:
            return stream.read_all()

    def health(self) -> dict[str, Any]:
        """What /healthz says. Raises StoreUnavailable, and Refused if it does not answer to this client."""
        answer = self._get("/healthz", {})
        try:
            found = answer.json()
        except ValueError:
            found = None
        if found == {"status": "up"}:  # all that a guarded collector tells a stranger
            raise Refused(
                f"the collector at {self.server} needs its bearer token, or another than was given; set DURASCOPE_TOKEN"
            )
        if isinstance(found, dict) and found.get("type") == Refused.__name__:
            raise _error(answer)
        if not isinstance(found, dict) or "engine" not in found:
            raise StoreUnavailable(
                f"what listens at {self.server} is not a Durascope collector; name one with --server"
            )
        return found

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """The answer to a body that may be sent twice. Raises StoreUnavailable."""
        return self._asked(lambda: self._client.post(path, content=body, headers=dict(headers)))

    def _get(self, path: str, params: dict[str, Any]) -> httpx.Response:
        return self._asked(lambda: self._client.get(path, params=params, headers={"Accept": ARROW}))

    def _asked(self, ask: Callable[[], httpx.Response]) -> httpx.Response:
        try:
            try:
                return ask()
            except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
                return ask()  # a kept connection was closed, by the collector or by what stands between, as we took it
        except httpx.HTTPError as error:
            raise StoreUnavailable(
                f"the collector at {self.server} does not answer ({error or type(error).__name__}); "
                "start it with: durascope collect"
            ) from error

    def close(self) -> None:
        """Close connections."""
        self._client.close()


def _error(answer: httpx.Response) -> DurascopeError:
    """The collector's error as it was raised there."""
    try:
        said = answer.json()
        kind, message = str(said["type"]), str(said["error"])
    except (ValueError, KeyError, TypeError):
        return StoreUnavailable(f"the collector answered {answer.status_code} to {answer.url.path}; see its log")
    found = getattr(exceptions, kind, StoreUnavailable)
    known = isinstance(found, type) and issubclass(found, DurascopeError)
    return found(message) if known else StoreUnavailable(message)
