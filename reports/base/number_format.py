"""Numbers as people read them: three significant digits, thousands separators, units."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

MISSING = "–"  # noqa: RUF001 - an en dash, as in printed tables
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def count(value: Any) -> str:
    """Format a whole number with thousands separators; a missing one is a dash."""
    return MISSING if _absent(value) else f"{round(float(value)):,}"


def number(value: Any) -> str:
    """Format a number with three significant digits; whole numbers below a billion are exact."""
    if _absent(value):
        return MISSING
    if isinstance(value, int | float) and float(value).is_integer() and abs(value) < 1e9:
        return f"{int(value):,}"
    size = abs(float(value))
    if size >= 1e9 or size < 1e-4:
        return f"{float(value):.2e}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")
    decimals = max(0, 2 - math.floor(math.log10(size)))
    return f"{float(value):,.{decimals}f}"


def metric(value: Any) -> str:
    """Format a metric: three decimals below ten, else three significant digits."""
    if _absent(value) or abs(float(value)) >= 10:
        return number(value)
    return f"{float(value):.3f}"


def percent(value: Any) -> str:
    """Format a share (0 to 1) in per cent; only an exact 0 or 1 is shown as 0 % or 100 %."""
    if _absent(value):
        return MISSING
    share = 100 * float(value)
    if 0 < share < 0.1:
        return "<0.1 %"
    if 99.9 < share < 100:
        return ">99.9 %"
    return f"{share:.0f} %" if share in {0.0, 100.0} else f"{share:.1f} %"


def seconds(value: Any) -> str:
    """Format a duration in seconds."""
    if _absent(value):
        return MISSING
    time = float(value)
    if time < 0.01:
        return "<0.01 s"
    if time < 10:
        return f"{time:.2f} s"
    if time < 100:
        return f"{time:.1f} s"
    return f"{int(time // 60)} min {int(time % 60)} s"


def size(value: Any) -> str:
    """Format a size in bytes, in decimal units."""
    if _absent(value):
        return MISSING
    amount = float(value)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:,.1f} GB"


def moment(microseconds: float, span: float) -> str:
    """Format a naive point in time, as precisely as a span of that length needs.

    Args:
        microseconds: Since 1970-01-01 00:00.
        span: Length of the whole span in microseconds.
    """
    time = _EPOCH + timedelta(microseconds=float(microseconds))
    return f"{time:%Y-%m-%d}" if span > 3 * 86_400e6 else f"{time:%Y-%m-%d %H:%M}"


def shorten(value: Any, limit: int = 40) -> str:
    """Return a text on one line, at most ``limit`` characters long; ``(empty)`` for an empty one."""
    text = " ".join(str(value).split())
    if not text:
        return "(empty)"
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _absent(value: Any) -> bool:
    return value is None or isinstance(value, str) or not math.isfinite(float(value))
