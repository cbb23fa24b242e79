"""Sample workflows: every pattern of a durable agent system, one folder each."""
