"""`python -m sample_workflows.traffic`: starts sample runs at a given rate, whatever becomes of them (open loop)."""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from random import Random

from temporalio.client import Client

from durascope_dashboard.demo.errors import DemoError
from durascope_dashboard.temporal.ending import let_go_of_temporal
from sample_workflows.child_workflows.schedule import create_schedule
from sample_workflows.connection import connect_config
from sample_workflows.task_queue import TASK_QUEUE
from sample_workflows.traffic.generator import Generator, arrivals
from sample_workflows.traffic.outcomes import outcomes_of, wait_until_closed
from sample_workflows.traffic.session import Session
from sample_workflows.traffic.starters import mix_of
from sample_workflows.traffic.worker_pool import WorkerPool

NAMED = 12  # so few runs are listed by their ids


async def run(options: argparse.Namespace) -> None:
    """Connect, generate, wait, and print what was started and what became of it."""
    done = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, done.set)
    mix = mix_of(options.mix)
    client = await Client.connect(**connect_config())
    generator = Generator(Session(client, options.task_queue, options.pace), f"{int(time.time()):x}")
    async with AsyncExitStack() as stack:
        pool = await with_workers(stack, options) if options.chaos or options.workers else None
        if options.schedule:
            schedule = await create_schedule(
                client, f"daily-log-{generator.prefix}", options.task_queue, timedelta(seconds=options.schedule)
            )
            stack.push_async_callback(schedule.delete)
        print(f"traffic for {options.task_queue}: {options.rate:g} runs a second", flush=True)
        await generator.generate(arrivals(options.rate, mix, options.seed), done, options.seconds, options.limit)
        await generator.drain(done, options.wait)
        await wait_until_closed(client, generator.started, options.wait, done)
    await report(client, generator, pool)


async def with_workers(stack: AsyncExitStack, options: argparse.Namespace) -> WorkerPool:
    """Workers of one's own, killed now and then if ``--chaos`` says so; stopped when the stack closes."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="durascope-workers-")))
    pool = WorkerPool(folder, os.environ, options.task_queue)
    stack.callback(pool.stop)
    await asyncio.to_thread(pool.start)
    if options.chaos:
        killing = asyncio.create_task(pool.chaos(options.chaos, Random(options.seed)))
        stack.callback(killing.cancel)
    return pool


async def report(client: Client, generator: Generator, pool: WorkerPool | None) -> None:
    """What happened, for people."""
    print(f"started {len(generator.started)} runs, the latest {generator.late_s:.2f} s behind its time", flush=True)
    if len(generator.started) <= NAMED:
        print(f"these: {', '.join(sorted(generator.started))}", flush=True)
    for line in (await outcomes_of(client, generator.started)).lines():
        print(line, flush=True)
    if pool is not None:
        print(f"{len(pool.kills)} workers killed: {', '.join(pool.kills) or 'none'}", flush=True)
    for error in generator.errors:
        print(f"not as planned: {error}", flush=True)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m sample_workflows.traffic", description=__doc__)
    parser.add_argument("--task-queue", default=TASK_QUEUE)
    parser.add_argument("--rate", type=positive, default=0.5, help="runs started a second, on average")
    parser.add_argument("--mix", default="all", help="weights of samples, as in observable=2,research; or: all")
    parser.add_argument("--seed", type=int, default=0, help="the same seed starts the same runs at the same times")
    parser.add_argument("--for", dest="seconds", type=positive, help="seconds; default: until stopped")
    parser.add_argument("--limit", type=int, help="stop after this many runs")
    parser.add_argument("--pace", type=positive, default=1.0, help="how slow the people are; 0.01: hardly waiting")
    parser.add_argument("--wait", type=float, default=0.0, help="seconds to wait for open runs before the report")
    parser.add_argument("--schedule", type=positive, help="also create a schedule that starts a run each so many s")
    parser.add_argument("--workers", action="store_true", help="start workers too, a process for each role")
    parser.add_argument(
        "--chaos", type=positive, metavar="SECONDS", help="start workers, and SIGKILL and restart one about this often"
    )
    return parser


def positive(text: str) -> float:
    """A number above 0."""
    number = float(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"must be above 0, not {text}")
    return number


def main() -> int:
    """Parse the command line and generate."""
    try:
        asyncio.run(run(parser().parse_args()))
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except (DemoError, RuntimeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        let_go_of_temporal()
    return 0


if __name__ == "__main__":
    sys.exit(main())
