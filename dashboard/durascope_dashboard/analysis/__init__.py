"""Pure functions of frames: the join, the token ledger, the time attribution, coverage, comparison."""
