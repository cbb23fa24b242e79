"""Every sample's script in one list, for the demo's model server. A sample's rules match only its own instructions."""

from sample_workflows.model_server import Rule

ALL_RULES: list[Rule] = []
