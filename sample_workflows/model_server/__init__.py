"""An OpenAI-compatible server that answers from a script: real HTTP, real clients, no key, the same answers each time.

with ScriptedServer(seed=1, rules=[Rule("greet", Text("hello"), user="hi")]) as server:
    client = OpenAI(base_url=server.base_url, api_key="scripted")
"""

from sample_workflows.model_server.answers import (
    CONTEXT_TOO_LONG,
    OVERLOADED,
    RATE_LIMITED,
    SERVER_ERROR,
    Answer,
    Broken,
    Call,
    Fault,
    Handoff,
    Structured,
    Text,
    ToolCalls,
)
from sample_workflows.model_server.latency import INSTANT, REALISTIC, Latency
from sample_workflows.model_server.log import RequestLog, RequestRecord
from sample_workflows.model_server.request import ModelRequest
from sample_workflows.model_server.rules import Rule
from sample_workflows.model_server.server import ModelServerError, ScriptedServer
from sample_workflows.model_server.usage import Usage

__all__ = [
    "CONTEXT_TOO_LONG",
    "INSTANT",
    "OVERLOADED",
    "RATE_LIMITED",
    "REALISTIC",
    "SERVER_ERROR",
    "Answer",
    "Broken",
    "Call",
    "Fault",
    "Handoff",
    "Latency",
    "ModelRequest",
    "ModelServerError",
    "RequestLog",
    "RequestRecord",
    "Rule",
    "ScriptedServer",
    "Structured",
    "Text",
    "ToolCalls",
    "Usage",
]
