"""What a collector may be told beyond its store and addresses: who may talk to it, how much it keeps, its share."""

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from durascope_dashboard.clock import UNIT_S, age_s
from durascope_dashboard.collector.sharding import ALL, Shard
from durascope_dashboard.exceptions import UsageError

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?", re.IGNORECASE)
_BYTES: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


@dataclass(frozen=True)
class Retention:
    """Closed runs are kept for ``age_s`` seconds after they closed, and the oldest go first above ``size`` bytes."""

    age_s: float | None = None
    size: int | None = None


@dataclass(frozen=True)
class Access:
    """Who may talk to the collector. Without a token it relies on where it listens."""

    token: str | None = field(default=None, repr=False)
    certificate: Path | None = None
    key: Path | None = None
    hosts: tuple[str, ...] = ()  # further names that it may be called by

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise UsageError("TLS needs both --tls-cert and --tls-key; only one was given")
        for path in (self.certificate, self.key):
            if path is not None and not path.is_file():
                raise UsageError(f"the TLS file {path} does not exist; name a PEM file")
        if self.certificate is not None and self.key is not None:
            _check_pair(self.certificate, self.key)
        if self.token is not None:
            checked_token(self.token)


@dataclass(frozen=True)
class Settings:
    """All of it, with what a collector on loopback needs as default."""

    access: Access = Access()
    retention: Retention = Retention()
    shard: Shard = ALL


def _check_pair(certificate: Path, key: Path) -> None:
    """Raises UsageError for what TLS cannot use: gRPC would say so only on stderr, in lines of its own."""
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key, password="")
    except OSError as error:  # an ssl.SSLError is one
        raise UsageError(
            f"the TLS files {certificate} and {key} are no certificate with its private key, in PEM and unencrypted "
            f"({error.strerror}); name a pair that is"
        ) from error


def checked_token(token: str) -> str:
    """The token if a header can carry it. Raises UsageError, which does not repeat it."""
    if not (token.isascii() and token.isprintable()):
        raise UsageError("the token (--token, DURASCOPE_TOKEN) has characters that no header carries; use ASCII")
    return token


def parse_age(text: str) -> float:
    """``30d``, ``12h``, ``90m``, ``2w`` as seconds. Raises UsageError."""
    age = age_s(text)
    if not age:
        raise UsageError(f"{text!r} is not an age; write a number and one of {', '.join(UNIT_S)}, for example 30d")
    return age


def parse_size(text: str) -> int:
    """``10GB``, ``512M`` (powers of 1024) as bytes. Raises UsageError."""
    found = _SIZE.fullmatch(text.strip())
    if not found or float(found[1]) <= 0:
        raise UsageError(f"{text!r} is not a size; write a number and K, M, G or T, for example 10G")
    return int(float(found[1]) * _BYTES[found[2].upper()])
