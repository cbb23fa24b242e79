"""Traffic for demo, soak and benchmark: sample runs at a rate, the people in them, and workers that get killed."""
