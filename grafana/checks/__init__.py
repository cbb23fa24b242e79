"""Checks of the stack with the real programs of compose.yaml; see ``grafana.stack_check``."""
