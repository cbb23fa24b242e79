"""The translator's provider fails the first two times that it sees a sentence."""

from sample_workflows.model_server import SERVER_ERROR, Rule, Text

TRANSLATOR = "You translate into Norwegian"

RULES = [
    Rule("translator: fails twice", SERVER_ERROR, instructions=TRANSLATOR, first=2),
    Rule("translator", lambda request: Text(f"På norsk: {request.user}"), instructions=TRANSLATOR),
]
