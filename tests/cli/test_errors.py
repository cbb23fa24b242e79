"""What a command cannot do is one sentence on stderr, with a next step that the command has."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from durascope_dashboard.cli import main
from durascope_dashboard.store.duckdb_store import DuckStore

TLS = Path(__file__).parents[1] / "collector" / "tls"


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """A store that another process has open, and that process' id."""
    path = tmp_path_factory.mktemp("held") / "store.duckdb"
    code = "import sys; from durascope_dashboard.store.duckdb_store import DuckStore\n"
    code += "s = DuckStore(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "open\n"
        yield path, holder.pid
        holder.communicate(timeout=30)


def said(arguments: str, capfd: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr, also of what is written there by other means than Python's."""
    out, err = capfd.readouterr()
    assert out == "" and err.startswith("durascope: ") and len(err.splitlines()) == 1, (arguments, err)
    return err


@pytest.mark.parametrize(
    "arguments", ["store upgrade", "store vacuum", "store export new", "store import old", "collect"]
)
def test_a_store_in_use_is_to_be_let_go_of(
    held: tuple[Path, int], tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    arguments: str,
) -> None:  # fmt: skip
    """By these, which no collector does in their place: they have no --server to be pointed anywhere."""
    monkeypatch.chdir(tmp_path)
    DuckStore(Path("other.duckdb")).close()
    assert main(["store", "export", "old", "--store", "other.duckdb"]) == 0
    capfd.readouterr()
    path, pid = held
    assert main([*arguments.split(), "--store", str(path)]) == 1
    error = said(arguments, capfd)
    assert f"in use by process {pid}" in error and "stop that process first" in error and "--server" not in error


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--otlp-http", "127.0.0.1:²"], "is not an address"),
        (["--otlp-grpc", "127.0.0.1:65536"], "is not an address"),
        (
            ["--tls-cert", str(TLS / "key.pem"), "--tls-key", str(TLS / "key.pem")],
            "no certificate with its private key",
        ),
        (["--tls-cert", __file__, "--tls-key", __file__], "no certificate with its private key"),
        (["--token", "gehéim"], "use ASCII"),
    ],
)
def test_a_collector_that_cannot_be_set_up(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    """Wrong usage, before anything listens and before there is a store."""
    assert main(["collect", "--no-history", "--store", str(tmp_path / "store.duckdb"), *arguments]) == 2
    assert says in said("collect", capfd)
    assert not (tmp_path / "store.duckdb").exists()


@pytest.mark.parametrize("command", ["up", "collect"])
def test_both_commands_that_listen_read_addresses_alike(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """A port that is none is wrong usage."""
    monkeypatch.setenv("DURASCOPE_STORE", str(tmp_path / "store.duckdb"))  # `up` sets it, for its children
    assert main([command, "--otlp-http", "127.0.0.1:http"]) == 2
    assert "'127.0.0.1:http' is not an address" in said(command, capfd)


@pytest.mark.parametrize("command", ["runs", "store info"])
def test_a_server_that_is_no_url(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Is wrong usage too, and the sentence says how one is written."""
    assert main([*command.split(), "--server", "http://[::1"]) == 2
    assert "write it as http://127.0.0.1:4318" in said(command, capfd)
