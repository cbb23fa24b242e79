"""The reader of a collector, against servers that end its connections."""

import json
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from durascope_dashboard.exceptions import StoreUnavailable
from durascope_dashboard.remote_reader import RemoteReader

HEALTH = {"status": "ready", "engine": "duckdb"}


class Resetting:
    """Answers the first request of each connection and resets the connection on the second; or on the first."""

    def __init__(self, *, answers: int) -> None:
        self.answers, self.connections = answers, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return  # closed
            self.connections += 1
            with connection:
                for _ in range(self.answers):
                    connection.recv(65536)
                    body = json.dumps(HEALTH).encode()
                    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
                connection.recv(65536)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def close(self) -> None:
        """Stop listening."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)


@pytest.fixture
def resetting(request: pytest.FixtureRequest) -> Iterator[Resetting]:
    """A server that answers so many requests on each connection."""
    server = Resetting(answers=request.param)
    yield server
    server.close()


@pytest.mark.parametrize("resetting", [1], indirect=True)
def test_a_kept_connection_that_was_closed_is_no_error(resetting: Resetting) -> None:
    """The request goes out once more on a new one; nobody sees a page without data for it."""
    reader = RemoteReader(resetting.url)
    assert [reader.health() for _ in range(3)] == [HEALTH] * 3
    assert resetting.connections == 3
    reader.close()


@pytest.mark.parametrize("resetting", [0], indirect=True)
def test_a_server_that_always_resets_is_one_sentence(resetting: Resetting) -> None:
    """After two tries, not after endless ones."""
    reader = RemoteReader(resetting.url)
    with pytest.raises(StoreUnavailable, match="does not answer"):
        reader.health()
    assert resetting.connections == 2
    reader.close()
