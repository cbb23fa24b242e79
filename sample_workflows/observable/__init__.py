"""Custom traces and spans around an agent with tools: the smallest observable agent workflow."""
