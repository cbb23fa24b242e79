"""Every way in which an attempt fails and what Temporal does next."""
