"""The specialist's model is overloaded whatever the number of attempts; the generalist's is not."""

from sample_workflows.model_server import OVERLOADED, Rule, Text

MECHANIC = "You diagnose machines"

RULES = [
    Rule("specialist: overloaded", OVERLOADED, instructions=MECHANIC, model="gpt-5"),
    Rule("generalist", lambda request: Text(f"{request.user}: probably the belt."), instructions=MECHANIC),
]
