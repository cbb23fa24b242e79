"""The surveyor measures as many rooms as it is told to, one a turn."""

import re

from sample_workflows.model_server import Answer, Call, ModelRequest, Rule, Text, ToolCalls


def _next(request: ModelRequest) -> Answer:
    # The conversation is cut short, so the last room measured tells how far it is.
    wanted = re.search(r"\d+", request.user)
    rooms = int(wanted.group()) if wanted else 1
    seen = [re.search(r"room (\d+)", item.text) for item in request.outputs]
    measured = max((int(match.group(1)) for match in seen if match), default=0)
    if measured >= rooms:
        return Text(f"{rooms} rooms measured, all quiet.")
    return ToolCalls.of(Call("measure_noise", {"room": measured + 1}))


RULES = [Rule("surveyor", _next, instructions="You measure room after room")]
