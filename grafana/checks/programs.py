"""Finding and building the programs that compose.yaml names, cached in the user's cache directory."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import yaml

GRAFANA = Path(__file__).parents[1]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "durascope-stack"
PHOENIX = "arize-phoenix==20.26.1"
BUILD_TIMEOUT_S = 3600


class Missing(Exception):
    """A program that is not here; the message says what it needs."""


def go() -> str:
    """The Go toolchain. Raises Missing."""
    found = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if found is None:
        raise Missing("the Go toolchain (go 1.25 or later) is not on PATH")
    return found


def otelcol() -> Path:
    """``OTELCOL``, else the collector built by ocb from otelcol-builder.yaml. Raises Missing."""
    if named := os.environ.get("OTELCOL"):
        return Path(named)
    manifest = yaml.safe_load((GRAFANA / "stack" / "otelcol-builder.yaml").read_text())
    version = manifest["dist"]["version"]
    binary = CACHE / f"otelcol-{version}" / "otelcol"
    if not binary.exists():
        _build(manifest, version, binary.parent)
    return binary


def _build(manifest: dict[str, object], version: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"GOBIN": str(folder), "GOFLAGS": "-p=1 -buildvcs=false"}
    environment["PATH"] = f"{Path(go()).parent}{os.pathsep}{environment['PATH']}"
    assert isinstance(manifest["dist"], dict)
    manifest["dist"]["output_path"] = str(folder)
    (folder / "builder.yaml").write_text(yaml.safe_dump(manifest))
    sys.stderr.write(f"building the OpenTelemetry Collector {version} into {folder} (some minutes, once) ...\n")
    package = f"go.opentelemetry.io/collector/cmd/builder@v{version}"
    for command in ([go(), "install", package], [str(folder / "builder"), "--config", str(folder / "builder.yaml")]):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S)
        if done.returncode:
            raise Missing(f"the OpenTelemetry Collector cannot be built: {done.stderr.strip().splitlines()[-1]}")


def tempo() -> Path:
    """``TEMPO``, else ``tempo`` on PATH. Raises Missing."""
    found = os.environ.get("TEMPO") or shutil.which("tempo")
    if not found:
        raise Missing("a Tempo 3 binary: put `tempo` on PATH or name it with TEMPO=/path/to/tempo")
    return Path(found)


def prometheus() -> Path:
    """``prometheus`` on PATH. Raises Missing."""
    found = shutil.which("prometheus")
    if not found:
        raise Missing("Prometheus: apt-get install prometheus")
    return Path(found)


def phoenix() -> Path:
    """``PHOENIX``, else Phoenix from PyPI in an environment of its own. Raises Missing."""
    if named := os.environ.get("PHOENIX"):
        return Path(named)
    folder = CACHE / PHOENIX.replace("==", "-")
    command = folder / "bin" / "phoenix"
    if not command.exists():
        sys.stderr.write(f"installing {PHOENIX} into {folder} (some minutes, once) ...\n")
        venv.create(folder, with_pip=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", PHOENIX]
        done = subprocess.run(pip, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S)
        if done.returncode:
            raise Missing(f"{PHOENIX} cannot be installed: {done.stderr.strip().splitlines()[-1]}")
    return command
