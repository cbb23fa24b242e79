"""compose.yaml, which cannot be started here: everything in it that can be checked otherwise."""

from typing import Any

import pytest
import yaml

from tests.grafana import boards
from tests.grafana.prometheus import GRAFANA

ROOT = GRAFANA.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
# Images without a shell (the service `ready` asks these two), and processes that serve nothing to ask.
WITHOUT_HEALTHCHECK = {"otel-collector", "tempo", "ready", "worker-workflows", "worker-tools", "traffic"}


def test_every_image_is_pinned() -> None:
    """To a version, never to `latest`."""
    for name, service in SERVICES.items():
        version = service["image"].rpartition(":")[2]
        assert version.strip("v").replace(".", "").isdigit(), (name, service["image"])


def test_every_port_is_on_loopback() -> None:
    """Nothing listens where another machine could reach it, and no port twice."""
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert len({port.rpartition(":")[0] for port in ports}) == len(ports)


def test_health_is_checked() -> None:
    """Of every service that has something to ask and a shell to ask it with."""
    assert {name for name, service in SERVICES.items() if "healthcheck" not in service} == WITHOUT_HEALTHCHECK


def test_what_is_waited_for_exists_and_can_be_waited_for() -> None:
    """A condition on a service's health needs a healthcheck of it."""
    for name, service in SERVICES.items():
        wanted = service.get("depends_on", {})
        for other, condition in wanted.items() if isinstance(wanted, dict) else []:
            assert other in SERVICES, (name, other)
            assert condition["condition"] != "service_healthy" or "healthcheck" in SERVICES[other], (name, other)


def test_every_mounted_file_is_there() -> None:
    """From this repository; volumes are declared."""
    for service in SERVICES.values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], source
        if "build" in service:
            assert (ROOT / service["build"]["dockerfile"]).exists()


def test_the_collector_that_is_checked_is_the_one_that_is_deployed() -> None:
    """ocb builds the version of the image, with the parts that otelcol.yaml uses."""
    manifest = yaml.safe_load((GRAFANA / "stack" / "otelcol-builder.yaml").read_text())
    assert SERVICES["otel-collector"]["image"].endswith(f":{manifest['dist']['version']}")
    modules = {module["gomod"].split()[0].rsplit("/", 1)[1] for part in ("receivers", "processors", "exporters")
               for module in manifest[part]}  # fmt: skip
    used = yaml.safe_load((GRAFANA / "stack" / "otelcol.yaml").read_text())
    for part in ("receivers", "processors", "exporters"):
        for name in used[part]:
            kind = name.split("/")[0].replace("otlp_grpc", "otlp").replace("_", "")
            assert f"{kind}{part[:-1]}" in modules


def test_prometheus_scrapes_services_that_are_there() -> None:
    """Each target's host is a service; the workers share the network of `models`."""
    config = yaml.safe_load((GRAFANA / "stack" / "prometheus.yaml").read_text())
    targets = [
        target for job in config["scrape_configs"] for each in job["static_configs"] for target in each["targets"]
    ]
    assert {target.split(":")[0] for target in targets} <= SERVICES.keys()
    workers = [service["command"][-1].rpartition(":")[2] for name, service in SERVICES.items() if "worker" in name]
    assert {f"models:{port}" for port in workers} <= set(targets)


def test_grafana_finds_what_its_provisioning_names() -> None:
    """Data sources by uid, dashboards by folder, addresses from the environment."""
    grafana = SERVICES["grafana"]
    sources = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "durascope.yaml").read_text())["datasources"]
    assert {source["uid"]: source["type"] for source in sources} == {"prometheus": "prometheus", "tempo": "tempo"}
    text = "".join(path.read_text() for path in (GRAFANA / "provisioning").rglob("*.yaml"))
    for variable in ("PROMETHEUS_URL", "TEMPO_URL", "DURASCOPE_URL"):
        assert f"${{{variable}}}" in text and variable in grafana["environment"]
    folder = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "durascope.yaml").read_text())
    path = folder["providers"][0]["options"]["path"]
    assert f"./grafana/dashboards:{path}:ro" in grafana["volumes"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.removeprefix(f"{path}/").removesuffix(".json") in boards.NAMES


@pytest.mark.parametrize("name", ["durascope", "dashboard", "worker-workflows", "worker-tools", "models", "traffic"])
def test_our_own_commands_know_their_options(name: str) -> None:
    """Each option that compose.yaml gives is one that `--help` names."""
    from click.testing import CliRunner

    from durascope_dashboard.cli import durascope

    service = SERVICES[name]
    options = {word for word in service["command"] if word.startswith("--")}
    if "entrypoint" not in service:
        told = CliRunner().invoke(durascope, [service["command"][0], "--help"]).output
    else:
        module = service["entrypoint"][2].replace(".", "/")
        path = next(p for p in (ROOT / f"{module}.py", ROOT / module / "__main__.py") if p.exists())
        told = path.read_text()
    assert all(option in told for option in options), options
