"""What the models say in this sample when the scripted server plays them."""

from sample_workflows.model_server import Call, Handoff, Rule, Structured, Text, ToolCalls

ASPECTS = ("history", "state of the art", "open questions")

RULES = [
    Rule(
        "planner",
        lambda request: Structured({"queries": [f"{aspect} of {request.user}" for aspect in ASPECTS]}),
        instructions="You plan research",
    ),
    Rule(
        "searcher: search",
        lambda request: ToolCalls.of(Call("search_library", {"query": request.user})),
        instructions="You search a library",
        after="",
    ),
    Rule(
        "searcher: sum up",
        lambda request: Text(f"{request.outputs[-1].text}, summed up in one line."),
        instructions="You search a library",
    ),
    Rule("writer: hand off", Handoff("Editor"), instructions="You draft a report"),
    Rule("editor", Text("The report: three notes, edited and published."), instructions="You edit a drafted report"),
]
