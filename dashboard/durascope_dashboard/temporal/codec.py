"""Encrypted or compressed payloads made readable: by a remote codec server, or by the data converter of the workers.

The protocol is that of Temporal's UI and CLI: POST ENDPOINT/decode with the payloads as JSON, ``X-Namespace`` and
``Authorization`` headers. Only payloads that hold usage, names or errors are sent.
"""

import importlib
from collections.abc import Sequence
from typing import Protocol

import httpx
from google.protobuf.json_format import MessageToDict, Parse, ParseError
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.converter import DataConverter, PayloadCodec

from durascope._history_payloads import Decode
from durascope_dashboard.exceptions import TemporalUnavailable, UsageError
from durascope_dashboard.temporal.availability import Availability

TIMEOUT_S = 10.0
MAX_BATCH_BYTES = 2_000_000


class CodecUnavailable(TemporalUnavailable):
    """The codec does not answer now; the histories can wait for it."""


class CodecRefused(UsageError):
    """The codec server does not take the credentials."""


class Decoder(Protocol):
    """Decodes batches of payloads. ``refused`` counts those that could not be: what they hold stays unknown."""

    @property
    def refused(self) -> int: ...

    async def decode(self, namespace: str, payloads: Sequence[Payload]) -> Sequence[Payload | None]:
        """One for each, None where it cannot be decoded. Raises CodecUnavailable when trying again may help,
        CodecRefused when that takes other credentials.
        """
        ...

    async def close(self) -> None:
        """Release connections; decoding again makes new ones."""
        ...


async def decoded(decoder: Decoder, namespace: str, payloads: Sequence[Payload]) -> Decode:
    """A lookup of these payloads as decoded. Raises CodecUnavailable, CodecRefused."""
    found: dict[bytes, Payload | None] = {}
    for batch in _batches(payloads):
        plain = await decoder.decode(namespace, batch)
        found.update(zip((_name(payload) for payload in batch), plain, strict=True))
    return lambda payload: found.get(_name(payload))


def _name(payload: Payload) -> bytes:
    return payload.SerializeToString(deterministic=True)


def _batches(payloads: Sequence[Payload]) -> list[list[Payload]]:
    batches: list[list[Payload]] = [[]]
    size = 0
    for payload in payloads:
        if batches[-1] and size + len(payload.data) > MAX_BATCH_BYTES:
            batches.append([])
            size = 0
        batches[-1].append(payload)
        size += len(payload.data)
    return [batch for batch in batches if batch]


class Patient:
    """A decoder that is asked until it answers. ``server`` tells how that goes, and which errors are waited out."""

    def __init__(self, decoder: Decoder, server: Availability) -> None:
        self._decoder = decoder
        self._server = server

    @property
    def refused(self) -> int:
        """See Decoder."""
        return self._decoder.refused

    async def decode(self, namespace: str, payloads: Sequence[Payload]) -> Sequence[Payload | None]:
        """See Decoder; raises what the server's ``waits_out`` leaves."""
        return await self._server.until_answered(lambda: self._decoder.decode(namespace, payloads))

    async def close(self) -> None:
        """See Decoder."""
        await self._decoder.close()


class RemoteCodec:
    """A codec server. ``endpoint`` may hold ``{namespace}``; ``authorization`` is the header's whole value."""

    def __init__(self, endpoint: str, authorization: str | None = None) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._headers = {"Authorization": authorization} if authorization else {}
        self._client: httpx.AsyncClient | None = None  # made in the event loop that uses it
        self.refused = 0

    async def decode(self, namespace: str, payloads: Sequence[Payload]) -> Sequence[Payload | None]:
        """See Decoder."""
        self._client = self._client or httpx.AsyncClient(timeout=TIMEOUT_S)
        url = f"{self._endpoint.replace('{namespace}', namespace)}/decode"
        try:
            answer = await self._client.post(
                url,
                json=MessageToDict(Payloads(payloads=payloads)),
                headers={"X-Namespace": namespace, **self._headers},
            )
        except httpx.HTTPError as error:
            raise CodecUnavailable(
                f"the codec server {url} does not answer ({error or type(error).__name__}); "
                "start it or mend --codec-endpoint"
            ) from error
        if answer.status_code in (401, 403):
            raise CodecRefused(
                f"the codec server {url} refused with {answer.status_code}; give it the right --codec-auth"
            )
        if answer.status_code in (404, 429) or answer.status_code >= 500:
            raise CodecUnavailable(f"the codec server {url} answered {answer.status_code}; see its log")
        return self._plain(answer, len(payloads))

    async def close(self) -> None:
        """See Decoder."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _plain(self, answer: httpx.Response, count: int) -> Sequence[Payload | None]:
        try:
            plain = list(Parse(answer.content, Payloads()).payloads) if answer.status_code == 200 else []
        except ParseError:
            plain = []
        if len(plain) == count:
            return list(plain)
        self.refused += count  # these payloads cannot be decoded: what they hold stays unknown
        return [None] * count


class LocalCodec:
    """The payload codec that the workers use themselves."""

    def __init__(self, codec: PayloadCodec) -> None:
        self._codec = codec
        self.refused = 0

    async def decode(self, namespace: str, payloads: Sequence[Payload]) -> Sequence[Payload | None]:
        """See Decoder."""
        plain: list[Payload | None] = []
        for payload in payloads:
            try:
                plain += (await self._codec.decode([payload]))[:1] or [None]
            except Exception:  # somebody else's code: any error means that this payload stays unknown
                self.refused += 1
                plain.append(None)
        return plain

    async def close(self) -> None:
        """See Decoder: there is nothing to release."""


def load_codec(path: str) -> LocalCodec:
    """``module:object``, a DataConverter or PayloadCodec (or what makes one). Raises UsageError."""
    module, _, name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"--data-converter {path}: {error}; give it as package.module:object") from error
    found = found() if isinstance(found, type) else found
    codec = found.payload_codec if isinstance(found, DataConverter) else found
    if not isinstance(codec, PayloadCodec):
        raise UsageError(f"--data-converter {path} is {type(found).__name__}, not a DataConverter with a payload codec")
    return LocalCodec(codec)
