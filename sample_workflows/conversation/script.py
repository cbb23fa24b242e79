"""The innkeeper remembers names and answers the rest."""

import re

from sample_workflows.model_server import Answer, Call, ModelRequest, Rule, Text, ToolCalls

INN = "You keep an inn"


def _introduce(request: ModelRequest) -> Answer:
    name = re.search(r"my name is (\w+)", request.user)
    return ToolCalls.of(Call("remember", {"key": "name", "value": name.group(1) if name else "guest"}))


RULES = [
    Rule("innkeeper: remember", _introduce, instructions=INN, user="my name is", after=""),
    Rule("innkeeper", lambda request: Text(f"Certainly. You said: {request.user}"), instructions=INN),
]
