"""`durascope demo`: real servers, sample workers and the dashboard on one machine, started and stopped by pid."""
