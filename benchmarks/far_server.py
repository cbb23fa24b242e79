"""The real server's answers, remembered and given again after a while, so that they cost no time of these cores.

A server that shares the machine with what reads from it takes most of the machine. One that has its own cannot be had
here, so this stands in for it: each request is passed on once, and its answer is kept by method and bytes.

    python -m benchmarks.far_server ADDRESS [--delay-ms 10]     prints its own address
"""

import argparse
import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import grpc.aio

MAX_MESSAGE = 64 << 20
_OPTIONS = [("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.max_send_message_length", MAX_MESSAGE)]


class Remembering(grpc.GenericRpcHandler):
    """Any unary call, as bytes."""

    def __init__(self, channel: Any, delay_s: float) -> None:
        self._channel = channel
        self._delay_s = delay_s
        self._answers: dict[tuple[str, bytes], bytes] = {}

    def service(self, details: Any) -> Any:
        """See grpc."""
        return grpc.unary_unary_rpc_method_handler(self._answer(details.method))

    def _answer(self, method: str) -> Callable[[bytes, Any], Awaitable[bytes]]:
        async def answer(request: bytes, context: Any) -> bytes:
            found = self._answers.get((method, request))
            if found is None:
                try:
                    found = await self._channel.unary_unary(method)(request)
                except grpc.aio.AioRpcError as error:
                    await context.abort(error.code(), error.details())
                    raise
                self._answers[method, request] = found
            await asyncio.sleep(self._delay_s)
            return found

        return answer


async def serve(address: str, delay_s: float) -> None:
    """Until stdin ends."""
    async with grpc.aio.insecure_channel(address, options=_OPTIONS) as channel:
        server = grpc.aio.server(options=_OPTIONS)
        server.add_generic_rpc_handlers((Remembering(channel, delay_s),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        print(f"127.0.0.1:{port}", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await server.stop(0)


@contextmanager
def far_server(address: str, delay_ms: float) -> Iterator[str]:
    """One in a process of its own; its address."""
    command = [sys.executable, "-m", "benchmarks.far_server", address, "--delay-ms", str(delay_ms)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()  # Popen closes its stdin, which ends it


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("--delay-ms", type=float, default=10.0)
    options = parser.parse_args()
    asyncio.run(serve(options.address, options.delay_ms / 1000))


if __name__ == "__main__":
    main()
