"""Every model call of `Runner.run` is an activity already: there is nothing to write."""
