"""`python -m sample_workflows.traffic`: starts sample runs at a given rate, whatever becomes of them (open loop)."""

import argparse
import asyncio
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.envconfig import ClientConfig

from sample_workflows.observable.workflow import ObservableWorkflow, Question
from sample_workflows.research.workflow import ResearchRequest, ResearchWorkflow
from sample_workflows.worker import TASK_QUEUE

TOPICS = ("tides", "lighthouses", "glaciers", "peat bogs", "sourdough", "bridges", "owls", "volcanic soils")
Starter = Callable[[Client, str, str, Random], Awaitable[WorkflowHandle[Any, Any]]]


async def start_observable(client: Client, queue: str, workflow_id: str, random: Random) -> WorkflowHandle[Any, Any]:
    """A customer's question."""
    question = Question(f"Where is order {random.randint(1000, 9999)}?", f"customer-{random.randint(1, 20)}")
    return await client.start_workflow(ObservableWorkflow.run, question, id=workflow_id, task_queue=queue)


async def start_research(client: Client, queue: str, workflow_id: str, random: Random) -> WorkflowHandle[Any, Any]:
    """A report."""
    request = ResearchRequest(random.choice(TOPICS))
    return await client.start_workflow(ResearchWorkflow.run, request, id=workflow_id, task_queue=queue)


STARTERS: dict[str, Starter] = {"observable": start_observable, "research": start_research}


def mix_of(text: str) -> dict[str, float]:
    """``observable=3,research=1`` as weights. Raises ValueError naming an unknown sample."""
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, _, weight = part.partition("=")
        if name not in STARTERS:
            raise ValueError(f"no sample is called {name!r}; there are: {', '.join(STARTERS)}")
        weights[name] = float(weight or 1)
    return weights


async def generate(
    client: Client,
    queue: str,
    rate: float,
    mix: dict[str, float],
    seed: int,
    done: asyncio.Event,
    seconds: float | None,
) -> Counter[str]:
    """Start runs until ``done`` is set or ``seconds`` have passed; how many of each."""
    random, started, prefix = Random(seed), Counter[str](), f"{int(time.time()):x}"
    deadline = None if seconds is None else time.monotonic() + seconds
    while not done.is_set() and (deadline is None or time.monotonic() < deadline):
        [name] = random.choices(list(mix), list(mix.values()))
        await STARTERS[name](client, queue, f"{name}-{prefix}-{started.total():04d}", random)
        started[name] += 1
        try:
            await asyncio.wait_for(done.wait(), random.expovariate(rate))
        except TimeoutError:
            pass  # the pause between two starts is over
    return started


async def run(options: argparse.Namespace) -> None:
    """Connect and generate; prints what was started."""
    done = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, done.set)
    client = await Client.connect(**ClientConfig.load_client_connect_config())
    mix = mix_of(options.mix)
    started = await generate(client, options.task_queue, options.rate, mix, options.seed, done, options.seconds)
    print("started " + (", ".join(f"{count} {name}" for name, count in started.items()) or "nothing"), flush=True)


def main() -> int:
    """Parse the command line and generate."""
    parser = argparse.ArgumentParser(prog="python -m sample_workflows.traffic", description=__doc__)
    parser.add_argument("--task-queue", default=TASK_QUEUE)
    parser.add_argument("--rate", type=float, default=0.5, help="runs started a second, on average")
    parser.add_argument("--mix", default="observable=2,research=1", help="weights of samples")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--for", dest="seconds", type=float, help="seconds; default: until stopped")
    try:
        asyncio.run(run(parser.parse_args()))
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
