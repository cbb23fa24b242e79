"""How hard the follower asks the server, and how much it holds at once."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Times in seconds."""

    discover_s: float = 0.5
    reconcile_s: float = 30.0
    flush_s: float = 0.2
    describe_s: float = 1.0
    describes_per_s: float = 100.0
    open_polls: int = 600  # long polls under way at once
    crowded_poll_s: float = 0.5  # with more open runs than that, each poll gives way after so long
    closed_fetches: int = 16
    closed_held: int = 400  # closed runs that are being read or wait to be written; others wait for their turn
    backoff_s: tuple[float, float] = (0.2, 5.0)
    batch: int = 200
