"""Addresses to listen on."""

import socket

from durascope_dashboard.exceptions import PortInUse, UsageError


def parse_address(text: str, default_port: int) -> tuple[str, int]:
    """``host:port``, ``:port`` or ``host``; an IPv6 host stands in brackets. Raises UsageError."""
    host, separator, port = text.rpartition(":")
    if not separator:
        host, port = text, str(default_port)
    if not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise UsageError(f"{text!r} is not an address; write it as host:port, for example 127.0.0.1:{default_port}")
    return host.strip("[]") or "127.0.0.1", int(port)


def listen(host: str, port: int, otherwise: str) -> socket.socket:
    """A bound socket. Raises PortInUse with the sentence ``otherwise`` and the system's reason."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio does not turn Nagle's algorithm off and every small answer waits 40 ms for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PortInUse(f"{otherwise} ({error.strerror})") from error
    return listener
