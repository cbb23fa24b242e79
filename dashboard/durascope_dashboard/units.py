"""Numbers as a person reads them, always with their unit. What is not known is an en dash, never 0."""

import math
from datetime import UTC, datetime

UNKNOWN = "–"


def known(value: object) -> bool:
    """Whether there is a number (not None, not NaN, not pandas' NA)."""
    if value is None:
        return False
    try:
        return not math.isnan(float(value))  # type: ignore[arg-type]  # NA and text land in the except
    except (TypeError, ValueError):
        return False


def duration(ms: float | None) -> str:
    """``640 ms``, ``1.43 s``, ``12.0 s``, ``4 m 12 s``, ``3 h 05 m``, ``30 d 4 h``."""
    if ms is None or not known(ms):
        return UNKNOWN
    if ms < 0:
        return "−" + duration(-ms)
    if ms < 1:
        return "0 ms" if ms == 0 else "<1 ms"
    if ms < 999.5:
        return f"{ms:.0f} ms"
    seconds = ms / 1000
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} m {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes:02d} m"
    return f"{hours // 24} d {hours % 24} h"


def count(value: float | None) -> str:
    """``842``, ``48.2k``, ``1.3M``."""
    if value is None or not known(value):
        return UNKNOWN
    size = abs(value)
    if size < 1000:
        return f"{value:.0f}"
    for limit, divisor, unit in ((999_950, 1e3, "k"), (999_950_000, 1e6, "M")):
        if size < limit:
            return f"{value / divisor:.1f}{unit}"
    return f"{value / 1e9:.1f}G"


def many(value: float | None, word: str, words: str | None = None) -> str:
    """``1 attempt``, ``2 attempts``; None is none."""
    number = int(value or 0)
    return f"{number:,} {word if number == 1 else words or word + 's'}"


def tokens(value: float | None) -> str:
    """``48.2k tokens``."""
    return UNKNOWN if not known(value) else f"{count(value)} tokens"


def money(value: float | None) -> str:
    """US dollars: four decimals below a dollar, because calls cost parts of a cent."""
    if value is None or not known(value):
        return UNKNOWN
    if value == 0:
        return "$0"
    if abs(value) < 0.0001:
        return "<$0.0001"  # of the size: a sign would say nothing
    if value < 0:
        return "−" + money(-value)
    return f"${value:.4f}" if value < 1 else f"${value:,.2f}"


def percent(part: float | None, whole: float | None) -> str:
    """``18 %``; a part that is there is never rounded to 0 %, nor one that is not all to 100 %."""
    if part is None or whole is None or not known(part) or not known(whole) or whole == 0:
        return UNKNOWN
    share = 100 * part / whole
    if 0 < share < 0.5:
        return "<1 %"
    if 99.5 <= share < 100:
        return ">99 %"
    return f"{share:.0f} %"


def moment(micros: int | None) -> str:
    """``2026-11-23 12:04:31.250 UTC``."""
    if micros is None or not known(micros):
        return UNKNOWN
    return datetime.fromtimestamp(int(micros) / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " UTC"


def ago(micros: int | None, now: int) -> str:
    """``3 m 10 s ago``."""
    if micros is None or not known(micros):
        return UNKNOWN
    return f"{duration(max(0, now - int(micros)) / 1000)} ago"


def bytes_(value: float | None) -> str:
    """``1.9 MB`` (powers of 1000)."""
    if value is None or not known(value):
        return UNKNOWN
    for limit, divisor, unit in ((1e3, 1.0, "B"), (1e6, 1e3, "kB"), (1e9, 1e6, "MB")):
        if value < limit:
            return f"{value / divisor:.0f} {unit}" if divisor == 1 else f"{value / divisor:.1f} {unit}"
    return f"{value / 1e9:.1f} GB"
