"""Several workers on one queue, and a queue for each role so that each scales by itself."""
