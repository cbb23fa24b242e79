"""One agent with everything an agent can have: settings, function tools, activities, hosted tools, MCP, handoffs."""
