"""A small MCP server over stdio: when the next train goes. The worker starts it as a child process."""

from mcp.server.mcpserver import MCPServer

server = MCPServer("timetable")


@server.tool()
def next_train(origin: str, destination: str) -> str:
    """When the next train goes."""
    return f"{origin} to {destination}: 08:{len(origin + destination) % 60:02d}"


if __name__ == "__main__":
    server.run()
