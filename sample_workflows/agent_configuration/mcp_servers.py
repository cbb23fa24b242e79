"""Which MCP servers a worker offers by name; the workflow refers to them by the same name."""

import sys
from pathlib import Path

from agents.mcp import MCPServerStdio

TIMETABLE = "timetable"


def timetable() -> MCPServerStdio:
    """The timetable server as a child process of the worker."""
    script = Path(__file__).with_name("timetable_server.py")
    return MCPServerStdio({"command": sys.executable, "args": [str(script)]}, name=TIMETABLE)


MCP_SERVERS = {TIMETABLE: timetable}
