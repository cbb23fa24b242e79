"""The account desk reads or deletes, whatever it is allowed to: permissions are not the model's business."""

import re

from sample_workflows.model_server import Call, ModelRequest, Rule, Text, ToolCalls

DESK = "You manage accounts"


def _act(request: ModelRequest) -> ToolCalls:
    number = re.search(r"\d+", request.user)
    tool = "delete_account" if "delete" in request.user.lower() else "read_account"
    return ToolCalls.of(Call(tool, {"account": number.group() if number else "1"}))


RULES = [
    Rule("account desk: act", _act, instructions=DESK, after=""),
    Rule("account desk: answer", lambda request: Text(f"Result: {request.outputs[-1].text}"), instructions=DESK),
]
