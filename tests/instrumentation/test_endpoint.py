"""The variables that say where OTLP goes: one that cannot be is named in a warning, and never stops a worker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from durascope import DurascopePlugin, _endpoint
from durascope._endpoint import compression, file, headers, http_url, proxy, timeout_s, uses_http

DEFAULT = "http://localhost:4318/v1/traces"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Each warning is said once a process."""
    _endpoint._say.cache_clear()
    yield
    _endpoint._say.cache_clear()


def test_where_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default, all signals' endpoint, and one signal's own, which is taken as it is."""
    assert (http_url("TRACES"), uses_http("TRACES")) == (DEFAULT, True)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collect.invalid/otlp")
    assert http_url("LOGS") == "https://collect.invalid/otlp/v1/logs"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "https://logs.invalid/take")
    assert http_url("LOGS") == "https://logs.invalid/take"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collect.invalid:4317")
    assert not uses_http("TRACES")


@pytest.mark.parametrize(
    ("endpoint", "url", "said"),
    [
        ("localhost:9", "http://localhost:9/v1/traces", "without http:// or https:// before it; http:// is taken"),
        ("http://ann:hush@host:port?key=hush", DEFAULT, "is 'http://host:port', which is no URL"),
        ("ftp://host", DEFAULT, "which is no URL; telemetry goes to http://localhost:4318"),
    ],
)
def test_an_endpoint_that_is_no_url(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, endpoint: str, url: str, said: str
) -> None:
    """Its host is taken if it names one, else the default; a password is not said."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    assert (http_url("TRACES"), uses_http("TRACES")) == (url, True)
    assert "OTEL_EXPORTER_OTLP_ENDPOINT is" in caplog.text and said in caplog.text
    assert "hush" not in caplog.text


def test_a_port_of_grpc_needs_no_scheme(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """As the specification lets it be."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collect.invalid:4317")
    assert not uses_http("TRACES")
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("protocol", "http", "said"),
    [
        ("grpc", False, ""),
        ("http/protobuf", True, ""),
        ("http/json", True, "OTEL_EXPORTER_OTLP_PROTOCOL is 'http/json', which is not spoken; http/protobuf is"),
        ("nonsense", True, "OTEL_EXPORTER_OTLP_PROTOCOL is 'nonsense', which is none of grpc, http/protobuf"),
    ],
)
def test_protocols(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, protocol: str, http: bool, said: str
) -> None:
    """One that is not spoken is said to be so, not taken for another in silence."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    assert uses_http("TRACES") is http
    assert said in caplog.text and bool(said) == bool(caplog.text)


def test_compressions(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """HTTP has two, gRPC one; with another nothing is compressed."""
    for said, over_http, over_grpc in (("gzip", "gzip", "gzip"), ("none", "", ""), ("deflate", "deflate", "")):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", said)
        assert (compression("TRACES", http=True), compression("TRACES", http=False)) == (over_http, over_grpc)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "zstd")
    assert compression("TRACES", http=True) == ""
    assert "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION is 'zstd', which is none of gzip, deflate, none" in caplog.text


@pytest.mark.parametrize("said", ["soon", "0", "-1", "nan", "inf"])
def test_a_timeout_that_is_no_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, said: str
) -> None:
    """The default's ten seconds are taken."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", said)
    assert timeout_s("TRACES") == 10
    assert "OTEL_EXPORTER_OTLP_TIMEOUT is not a number of seconds" in caplog.text


def test_a_certificate_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Is left out, and said to be."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(tmp_path / "none.pem"))
    assert file("TRACES", "CERTIFICATE") is None
    assert "none.pem', which is no file that can be read; it is left out" in caplog.text


def test_a_user_in_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is sent as a header, unless the variable for headers has that one."""
    url = "http://ann:hu%20sh@collect.invalid"
    assert headers("TRACES", url) == {"authorization": "Basic YW5uOmh1IHNo"}
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20own")
    assert headers("TRACES", url) == {"authorization": "Bearer own"}


def test_proxies(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """With a scheme or without, and with a user; one of another kind is gone without."""
    monkeypatch.setenv("http_proxy", "ann:hush@proxy.invalid:3128")
    found = proxy("http://collect.invalid")
    assert found is not None
    assert (found.url, found.headers) == ("http://proxy.invalid:3128", {"proxy-authorization": "Basic YW5uOmh1c2g="})
    monkeypatch.setenv("http_proxy", "socks5://ann:hush@proxy.invalid:1080")
    assert proxy("http://collect.invalid") is None
    assert "socks5://proxy.invalid:1080', which is no HTTP proxy" in caplog.text and "hush" not in caplog.text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENDPOINT", "localhost:4318"),
        ("ENDPOINT", "http://host:port"),
        ("PROTOCOL", "nonsense"),
        ("TIMEOUT", "soon"),
        ("COMPRESSION", "zstd"),
        ("CERTIFICATE", "/none.pem"),
    ],
)
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_no_variable_stops_a_worker(monkeypatch: pytest.MonkeyPatch, name: str, value: str, protocol: str) -> None:
    """Whatever is in it."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{name}", value)
    assert DurascopePlugin().name()
