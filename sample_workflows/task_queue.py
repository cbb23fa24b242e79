"""The queue that workers poll and traffic uses, unless told otherwise."""

TASK_QUEUE = "durascope-samples"
