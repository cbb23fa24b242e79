"""What is waited out and what is not."""

import pytest
from temporalio.service import RPCError, RPCStatusCode

from durascope_dashboard.temporal.availability import Availability


async def answer_after(server: Availability, *codes: RPCStatusCode) -> str:
    """A call that fails with these, then answers."""
    left = list(codes)

    async def call() -> str:
        if left:
            raise RPCError("no", left.pop(0), b"")
        return "answer"

    return await server.until_answered(call)


@pytest.mark.parametrize("code", [RPCStatusCode.UNAVAILABLE, RPCStatusCode.RESOURCE_EXHAUSTED])
async def test_the_servers_own_trouble_is_waited_out(code: RPCStatusCode) -> None:
    """Away or overloaded: asked again, ever more slowly, until it answers."""
    server = Availability(0.001, 0.01)
    assert await answer_after(server, code, code, code) == "answer"
    assert server.state == "running"
    assert server.throttled == (3 if code is RPCStatusCode.RESOURCE_EXHAUSTED else 0)


async def test_a_wrong_request_is_not() -> None:
    """What waiting does not cure is raised; the server is up."""
    server = Availability(0.001, 0.01)
    with pytest.raises(RPCError):
        await answer_after(server, RPCStatusCode.NOT_FOUND)
    assert server.state == "running"
