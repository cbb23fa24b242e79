"""How long a scripted model takes: log-normal, as real ones do, and a function of the request alone."""

import math
from dataclasses import dataclass
from statistics import NormalDist


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds: the median until the first token, the median for each output token, and the spread of both (sigma)."""

    first_token: float = 0.25
    per_token: float = 0.006
    spread: float = 0.35

    def seconds(self, output_tokens: int, chance: float) -> tuple[float, float]:
        """Time to the first token and time for the rest; ``chance`` in (0, 1) picks the quantile."""
        if not (self.first_token or self.per_token):
            return 0.0, 0.0
        factor = math.exp(self.spread * NormalDist().inv_cdf(min(max(chance, 0.001), 0.999)))
        return self.first_token * factor, self.per_token * output_tokens * factor


INSTANT = Latency(0.0, 0.0, 0.0)
REALISTIC = Latency()
