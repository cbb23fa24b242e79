"""The run timeline: `rows.py` and its neighbours make two Arrow tables (pure), `component.py` mounts the canvas."""
