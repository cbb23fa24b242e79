"""The table of runs: HTML rows with real links, drawn by a component of our own."""
