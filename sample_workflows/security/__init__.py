"""Who may do what: permissions on tools, guardrails on input and output, a human before anything dangerous."""
