"""`python -m sample_workflows.model_server`: the scripted server in the foreground, with every sample's script."""

import argparse
import signal
import sys
import threading

from sample_workflows.model_server.latency import INSTANT, REALISTIC
from sample_workflows.model_server.server import ModelServerError, ScriptedServer
from sample_workflows.scripts import FAULTS, RULES


def main() -> int:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m sample_workflows.model_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--instant", action="store_true", help="answer without a model's latency")
    options = parser.parse_args()
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    try:
        with ScriptedServer(
            options.port, options.seed, [*FAULTS, *RULES], INSTANT if options.instant else REALISTIC
        ) as server:
            print(f"OPENAI_BASE_URL={server.base_url}", flush=True)
            done.wait()
    except ModelServerError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
