"""`python -m grafana.build`: writes dashboards and alert provisioning; ``--check`` only says whether they are fresh."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.builder import alerts, fleet, run, workers, workflow_type

HERE = Path(__file__).parent
DASHBOARDS = {"fleet": fleet, "workflow_type": workflow_type, "run": run, "workers": workers}


def rendered(board: build.Dashboard) -> str:
    """The dashboard as JSON, panels numbered in order of reading."""
    found = json.loads(JSONEncoder(sort_keys=True).encode(board.build()))
    for number, panel in enumerate(found["panels"], start=1):
        panel["id"] = number
    return json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def files() -> dict[Path, str]:
    """Every generated file and what it must say."""
    boards: dict[str, Any] = {name: module.dashboard() for name, module in DASHBOARDS.items()}
    found = {HERE / "dashboards" / f"{name}.json": rendered(board) for name, board in boards.items()}
    return {**found, HERE / "provisioning" / "alerting" / "durascope.yaml": alerts.provisioning(HERE / "alerts")}


def main() -> int:
    """Write, or with ``--check`` compare; 1 if something is stale."""
    parser = argparse.ArgumentParser(prog="python -m grafana.build", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a file is stale")
    check = parser.parse_args().check
    stale = [path for path, text in files().items() if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        if check:
            sys.stderr.write(f"{path.relative_to(HERE.parent)} is stale; run: make grafana\n")
        else:
            path.write_text(files()[path], "utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
