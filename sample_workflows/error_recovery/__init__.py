"""A cheaper agent takes over when the first gives up."""
