"""What planner, searchers and writer say."""

from sample_workflows.model_server import Call, Latency, Rule, Text, ToolCalls

# Slow enough that three searchers at one slot have to queue, however fast all else is.
SLOW = Latency(first_token=0.4, per_token=0.0, spread=0.1)

RULES = [
    Rule(
        "briefing planner",
        lambda request: Text(
            "\n".join(f"{word} {request.user}?" for word in ("Who built", "Who pays for", "Who needs"))
        ),
        instructions="You plan a briefing",
    ),
    Rule(
        "archive: search",
        lambda request: ToolCalls.of(Call("read_archive", {"query": request.user})),
        instructions="You search the archive",
        after="",
        latency=SLOW,
    ),
    Rule("archive: report", lambda request: Text(request.outputs[-1].text), instructions="You search the archive"),
    Rule(
        "briefing writer",
        lambda request: Text(f"Briefing of {len(request.user.splitlines())} notes."),
        instructions="You write a briefing",
    ),
]
