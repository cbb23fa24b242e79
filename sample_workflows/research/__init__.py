"""A planner, three searchers in parallel with a flaky tool, a writer who hands off to an editor."""
