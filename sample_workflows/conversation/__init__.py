"""A conversation that lives for years: state, queries, updates, a timer and continue-as-new."""
