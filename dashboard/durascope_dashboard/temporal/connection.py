"""Connecting to Temporal by its own environment configuration (TEMPORAL_ADDRESS, profiles, TLS ...)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from temporalio import service
from temporalio.client import Client
from temporalio.envconfig import ClientConfigProfile

from durascope_dashboard.exceptions import TemporalUnavailable, UsageError
from durascope_dashboard.temporal.codec import Decoder, RemoteCodec, load_codec

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
DEFAULT_ADDRESS = "localhost:7233"
_REASONS = {
    "Connection refused": "connection refused",
    "dns error": "its name is not known",
    "failed to lookup address": "its name is not known",
    "InvalidCertificate": "its certificate is not trusted",
    "InvalidContentType": "it speaks no TLS",
    "Connection timed out": "connection timed out",
}


@dataclass(frozen=True, slots=True)
class TemporalConfig:
    """Overrides of the environment configuration; None and empty mean "as configured there"."""

    address: str | None = None
    namespaces: Sequence[str] = ()
    profile: str | None = None
    codec_endpoint: str | None = None
    codec_auth: str | None = None
    data_converter: str | None = None

    def decoder(self) -> Decoder | None:
        """What makes encoded payloads readable, if anything. Raises UsageError."""
        if self.data_converter:
            return load_codec(self.data_converter)
        return RemoteCodec(self.codec_endpoint, self.codec_auth) if self.codec_endpoint else None


@dataclass(frozen=True, slots=True)
class Connection:
    """One server and the namespaces to read on it."""

    client: Client
    address: str
    namespaces: tuple[str, ...]


async def connect(config: TemporalConfig | None = None, *, lazy: bool = False) -> Connection:
    """Connect. ``lazy`` connects with the first call. Raises TemporalUnavailable, UsageError (bad configuration)."""
    config = config or TemporalConfig()
    try:
        settings: dict[str, Any] = {**ClientConfigProfile.load(config.profile).to_client_connect_config()}
    except RuntimeError as error:
        raise UsageError(
            f"Temporal's environment configuration cannot be read: {error}; mend it or unset it"
        ) from error
    address = config.address or settings.get("target_host") or DEFAULT_ADDRESS
    namespaces = tuple(dict.fromkeys(config.namespaces)) or (settings.get("namespace") or "default",)
    settings |= {"target_host": address, "namespace": namespaces[0], "lazy": lazy}
    if address.rpartition(":")[0] in _LOOPBACK and hasattr(service, "GrpcCompression"):
        settings["grpc_compression"] = service.GrpcCompression.NONE  # it costs the server more than the answer itself
    try:
        client = await Client.connect(**settings)
    except (RuntimeError, ValueError) as error:
        raise TemporalUnavailable(
            f"no Temporal server answers at {address} ({_reason(error)}); "
            "start it, or name another with --temporal or TEMPORAL_ADDRESS"
        ) from error
    return Connection(client, address, namespaces)


def _reason(error: Exception) -> str:
    """In a few words what the core tells as a nest of Rust errors."""
    text = str(error)
    for part, words in _REASONS.items():
        if part in text:
            return words
    return text
