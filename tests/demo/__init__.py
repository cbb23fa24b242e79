"""The demo: its processes, its ports, and one whole run of it."""
