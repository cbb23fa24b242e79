"""A parent of many children, and a run that a schedule starts."""
