"""`python -m sample_workflows.crew LOGS PROGRAMS`: several sample programs, each a process, from one set of imports.

PROGRAMS is a JSON object: name -> [module with a ``main()``, argument ...]. To import Temporal and the Agents SDK
takes three seconds of CPU; forked processes share what one has imported. Each has its own log, LOGS/name.log, and is an
OpenTelemetry service of its own. When one ends, all end; SIGTERM ends all.
"""

import importlib
import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn


def main() -> int:
    """Import, start all, and wait for the first to end."""
    logs, programs = Path(sys.argv[1]), json.loads(sys.argv[2])
    modules = {name: importlib.import_module(module) for name, (module, *_) in programs.items()}
    pids: dict[int, str] = {}

    def stop(number: int, frame: FrameType | None) -> None:
        for pid in pids:
            os.kill(pid, signal.SIGTERM)

    for name, (_, *arguments) in programs.items():
        sys.stdout.flush()
        pid = os.fork()
        if not pid:
            _become(name, logs / f"{name}.log", arguments, modules[name])
        pids[pid] = name
    signal.signal(signal.SIGTERM, stop)
    return _wait(pids, logs)


def _become(name: str, log: Path, arguments: list[str], module: object) -> NoReturn:
    with log.open("wb") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.environ["OTEL_SERVICE_NAME"] = name
    sys.argv = [name, *arguments]
    code = 1
    try:
        code = module.main()  # type: ignore[attr-defined]  # a module, which has one
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wait(pids: dict[int, str], logs: Path) -> int:
    worst = 0
    while pids:
        pid, status = os.wait()
        name, code = pids.pop(pid), os.waitstatus_to_exitcode(status)
        if code or not worst:
            print(f"{name} ended with exit code {code} (log: {logs / name}.log)", flush=True)
        worst = worst or code
        for other in pids:
            os.kill(other, signal.SIGTERM)
    return abs(worst)


if __name__ == "__main__":
    sys.exit(main())
