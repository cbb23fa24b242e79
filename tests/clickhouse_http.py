"""ClickHouse's HTTP interface in front of chDB, as much of it as a client needs: the way to a server, without one.

It checks user and password, takes the database, settings and parameters of a request from its URL, form or headers, and
reads and writes bodies compressed as they say.
"""

import base64
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import chdb
import lz4.frame

_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_CODE = re.compile(r"Code: (\d+)")
# What the interface itself reads; every other parameter is a setting of the query.
_OWN = {"query", "database", "wait_end_of_query", "send_progress_in_http_headers", "http_headers_progress_interval_ms",
        "enable_http_compression", "query_id", "client_protocol_version", "session_id", "compress"}  # fmt: skip


@dataclass
class HttpEngine:
    """A listening interface. ``seen`` has each request's path with its parameters."""

    folder: str
    user: str
    password: str
    port: int = 0
    down: bool = False  # hangs up instead of answering
    seen: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    connection: Any = None

    @contextmanager
    def serving(self) -> Iterator["HttpEngine"]:
        """Listen on a free port of loopback until left."""
        untyped: Any = chdb
        self.connection = untyped.connect(self.folder)
        engine = self

        class Handler(_Handler):
            of = engine

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join(20)
            self.connection.close()

    def answer(self, sql: str, body: bytes, given: dict[str, str]) -> tuple[bytes, str]:
        """(answer, its format). Raises RuntimeError as the engine says it."""
        named = _FORMAT.search(sql)
        kind = named[1] if named else "TabSeparated"
        values = {name[6:]: value for name, value in given.items() if name.startswith("param_")}
        settings = {n: v for n, v in given.items() if n not in _OWN and not n.startswith("param_")}
        with self.lock:
            for name, value in settings.items():
                self.connection.query(f"SET {name} = '{value}'")
            self.connection.query(f"USE {given.get('database') or 'default'}")
            if not body or named is None or not sql.lstrip().upper().startswith("INSERT"):
                text = sql + (f"\n{body.decode()}" if body and sql else body.decode())
                return self.connection.query(text, kind, params=values).bytes() or b"", kind
            with tempfile.NamedTemporaryFile() as file:
                Path(file.name).write_bytes(body)
                into = sql[: named.start()] + f"FROM INFILE '{file.name}' FORMAT {kind}"
                self.connection.query(into, "TabSeparated")
            return b"", kind


class _Handler(BaseHTTPRequestHandler):
    of: HttpEngine
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """One query."""
        given = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        self.of.seen.append(self.path)
        if self.of.down:
            self.close_connection = True
            return
        body = (
            self.rfile.read(int(self.headers.get("Content-Length") or 0)) if "Content-Length" in self.headers else b""
        )
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b"".join(self._chunks())
        if self.headers.get("Content-Encoding") == "lz4":
            body = lz4.frame.decompress(body)
        if (self.headers.get("Content-Type") or "").startswith("multipart/form-data"):
            given |= self._form(body)
            body = b""
        wanted = "Basic " + base64.b64encode(f"{self.of.user}:{self.of.password}".encode()).decode()
        if self.headers.get("Authorization") != wanted:
            self._send(403, b"Code: 516. DB::Exception: Authentication failed. (AUTHENTICATION_FAILED)", {})
            return
        try:
            answer, kind = self.of.answer(given.get("query", ""), body, given)
        except RuntimeError as error:
            text = str(error)
            text = text[text.find("Code: ") :]
            code = _CODE.match(text)
            self._send(500, text.encode(), {"X-ClickHouse-Exception-Code": code[1] if code else "1"})
            return
        self._send(200, answer, {"X-ClickHouse-Format": kind} if answer else {})

    do_GET = do_POST  # noqa: N815 - http.server's own naming

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().strip(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _form(self, body: bytes) -> dict[str, str]:
        kind = self.headers["Content-Type"]
        parts: Any = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body).get_payload()
        return {
            part.get_param("name", header="content-disposition"): part.get_payload(decode=True).decode()
            for part in parts
        }

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: tests read ``seen``."""
