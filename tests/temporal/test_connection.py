"""Reaching a server that wants TLS, a client certificate or an API key, by Temporal's own environment variables."""

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from temporalio.api.workflowservice.v1 import GetSystemInfoResponse, ListWorkflowExecutionsResponse

from durascope_dashboard.demo.dev_server import free_port
from durascope_dashboard.exceptions import TemporalUnavailable, UsageError
from durascope_dashboard.temporal.connection import TemporalConfig, connect
from durascope_dashboard.temporal.pages import list_runs

pytestmark = pytest.mark.timeout(60)
_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with authority ca.pem, and key.pem and cert.pem for server and client both."""
    folder = tmp_path_factory.mktemp("tls")
    openssl(folder, "req", "-x509", *_KEY, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority")
    openssl(
        folder, "req", "-x509", *_KEY, "-keyout", "key.pem", "-out", "cert.pem", "-CA", "ca.pem", "-CAkey", "ca.key",
        "-subj", "/CN=localhost", "-addext", "basicConstraints=critical,CA:FALSE", "-addext",
        "subjectAltName=DNS:localhost",
    )  # fmt: skip
    return folder


class Frontend(grpc.GenericRpcHandler):
    """Answers two calls of Temporal's frontend and keeps the metadata they came with."""

    def __init__(self) -> None:
        self.metadata: list[dict[str, str]] = []

    def service(self, handler_call_details: Any) -> Any:
        """One handler for all."""
        listing = handler_call_details.method.endswith("/ListWorkflowExecutions")
        answer = ListWorkflowExecutionsResponse() if listing else GetSystemInfoResponse()

        def call(_request: bytes, context: grpc.ServicerContext) -> bytes:
            self.metadata.append({key: str(value) for key, value in context.invocation_metadata()})
            return answer.SerializeToString()

        return grpc.unary_unary_rpc_method_handler(call)


@pytest.fixture
def frontend(certificate: Path) -> Iterator[tuple[Frontend, str]]:
    """A TLS server that demands a client certificate; its address."""
    handler = Frontend()
    server = grpc.server(ThreadPoolExecutor(2), handlers=(handler,))
    key, cert, authority = ((certificate / name).read_bytes() for name in ("key.pem", "cert.pem", "ca.pem"))
    credentials = grpc.ssl_server_credentials([(key, cert)], authority, require_client_auth=True)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    yield handler, f"localhost:{port}"
    server.stop(None)


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the machine's own configuration."""
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(tmp_path / "none.toml"))
    monkeypatch.delenv("TEMPORAL_ADDRESS", raising=False)


async def test_client_certificates_and_api_keys(
    frontend: tuple[Frontend, str], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mTLS with an authority of one's own, an API key, and the namespace in every call's metadata."""
    handler, address = frontend
    monkeypatch.setenv("TEMPORAL_TLS_SERVER_CA_CERT_PATH", str(certificate / "ca.pem"))
    monkeypatch.setenv("TEMPORAL_TLS_CLIENT_CERT_PATH", str(certificate / "cert.pem"))
    monkeypatch.setenv("TEMPORAL_TLS_CLIENT_KEY_PATH", str(certificate / "key.pem"))
    monkeypatch.setenv("TEMPORAL_API_KEY", "a-key")
    connection = await connect(TemporalConfig(address, ("prod.acct", "test.acct")))
    assert connection.namespaces == ("prod.acct", "test.acct")
    for namespace in connection.namespaces:
        assert [page async for page in list_runs(connection.client, namespace, "")] == [[]]
        assert handler.metadata[-1]["authorization"] == "Bearer a-key"
        assert handler.metadata[-1]["temporal-namespace"] == namespace


async def test_a_profile_of_the_configuration_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the file says, unless an option says otherwise."""
    path = tmp_path / "temporal.toml"
    path.write_text('[profile.cloud]\naddress = "127.0.0.1:1"\nnamespace = "prod.acct"\n')
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(path))
    connection = await connect(TemporalConfig(profile="cloud"), lazy=True)
    assert (connection.address, connection.namespaces) == ("127.0.0.1:1", ("prod.acct",))
    connection = await connect(TemporalConfig("127.0.0.1:2", ("test",), "cloud"), lazy=True)
    assert (connection.address, connection.namespaces) == ("127.0.0.1:2", ("test",))


async def test_a_broken_configuration_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It says that the configuration is meant and what is wrong with it."""
    path = tmp_path / "temporal.toml"
    path.write_text("[profile")
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(path))
    with pytest.raises(UsageError, match="environment configuration cannot be read"):
        await connect()


async def test_nobody_there_is_one_sentence() -> None:
    """The address, the reason, and what to do."""
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(TemporalUnavailable, match=f"no Temporal server answers at {address}.*--temporal"):
        await connect(TemporalConfig(address))
