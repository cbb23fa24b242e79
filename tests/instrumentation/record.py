"""Records the histories that `test_replay.py` replays: ``python -m tests.instrumentation.record``.

Each journey is recorded twice, by a worker with the plugin (``with-...``) and by one without (``without-...``).
"""

import asyncio
import os
import tempfile
from pathlib import Path

from temporalio.client import Client

from durascope_dashboard.demo.dev_server import DevServer
from sample_workflows.model_server import ScriptedServer
from tests.instrumentation.fleet import Crew, Station, started
from tests.instrumentation.scenario import TRUTH, Journey, rules
from tests.sample_workflows.record_histories import anonymous

GOLDEN = Path(__file__).with_name("golden")
JOURNEYS = {
    "retries": "limited flaky",
    "parallel": "both local sleepy",
    "child": "child",
    "streaming": "streaming",
    "handlers": "waiting",
    "continued": "again",
    "chat": "chatty private",
}


async def _record(address: str) -> None:
    client = await Client.connect(address)
    for queue in ("with", "without"):
        for name, words in JOURNEYS.items():
            handle = await client.start_workflow(Journey.run, words, id=f"{queue}-{name}", task_queue=queue)
            if name == "handlers":
                await handle.execute_update(Journey.note, "hi")
                assert await handle.query(Journey.notes) == ["hi"]
                await handle.signal(Journey.go)
            await handle.result()
            history = await client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id).fetch_history()
            (GOLDEN / f"{handle.id}.json").write_text(anonymous(history.to_json()))


def main() -> None:
    """Record all."""
    stations = (Station("with"), Station("without", plugins="none"))
    with DevServer() as server, ScriptedServer(rules=rules()) as model, tempfile.TemporaryDirectory() as folder:
        environment = {
            TRUTH: f"{folder}/truth", "OPENAI_BASE_URL": model.base_url, "OTEL_SDK_DISABLED": "true",
        }  # fmt: skip
        os.environ.update(environment)
        GOLDEN.mkdir(exist_ok=True)
        with started(Crew(server.address, f"{folder}/log", stations, environment)):
            asyncio.run(_record(server.address))


if __name__ == "__main__":
    main()
