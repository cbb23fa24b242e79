"""What the poet says. On the topic "endless" it counts for ever and runs into ``max_turns``."""

from sample_workflows.model_server import Call, ModelRequest, Rule, Text, ToolCalls

POET = "You write poems of three lines"


def _poem(request: ModelRequest) -> str:
    return f"{request.user} at dawn\nno one counts the hours here\nthe kettle does it"


RULES = [
    Rule("poet: endless", ToolCalls.of(Call("count_lines", {"poem": "once more"})), instructions=POET, user="endless"),
    Rule(
        "poet: count",
        lambda request: ToolCalls.of(Call("count_lines", {"poem": _poem(request)})),
        instructions=POET,
        after="",
    ),
    Rule("poet: answer", lambda request: Text(_poem(request)), instructions=POET),
]
