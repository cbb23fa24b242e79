"""The risk analyst's prompt is always too long: a 400, which no retry can mend."""

from sample_workflows.model_server import CONTEXT_TOO_LONG, Rule, Text

RULES = [
    Rule("analyst: risk fails", CONTEXT_TOO_LONG, instructions="You analyse risk"),
    Rule("analyst: market", lambda r: Text(f"{r.user} sells well."), instructions="You analyse market"),
    Rule("analyst: technology", lambda r: Text(f"{r.user} runs on steam."), instructions="You analyse technology"),
    Rule("apologist", Text("We are sorry: nothing was booked, nothing was charged."), instructions="You apologise"),
]
