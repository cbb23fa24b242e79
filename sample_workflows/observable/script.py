"""What the model says in this sample when the scripted server plays it."""

import re

from sample_workflows.model_server import Call, ModelRequest, Rule, Text, ToolCalls

WHO = "customers of a lamp shop"


def _look_up(request: ModelRequest) -> ToolCalls:
    number = re.search(r"\d+", request.user)
    return ToolCalls.of(Call("look_up_order", {"number": number.group() if number else "1001"}))


RULES = [
    Rule("order desk: look up", _look_up, instructions=WHO, after=""),
    Rule(
        "order desk: ask the carrier",
        ToolCalls.of(Call("estimate_delivery", {"carrier": "Northpost"})),
        instructions=WHO,
        after="look_up_order",
    ),
    Rule(
        "order desk: answer",
        lambda request: Text(f"Your desk lamp is on its way: {request.outputs[-1].text}."),
        instructions=WHO,
    ),
]
