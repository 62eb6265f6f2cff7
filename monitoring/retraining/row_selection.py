"""Which rows a retraining learns from, and which of the newest it is measured on.

The newest labelled rows are held out by time: the champion has not seen them either, so both are measured on the same
unseen rows. Weights are kept by thinning: a row whose weight is w stays with probability w, by a number that is drawn
from its content. The expected sum of the losses of the rows that stay is the weighted sum of all rows' losses (Horvitz
and Thompson 1952, doi:10.2307/2280784), whatever the model; no row is repeated, so that none is on both sides of a
fold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from headrace.core.base.errors import InputError
from headrace.core.base.notes import Note
from headrace.core.base.quantities import describe_count
from headrace.core.contracts.contract import Contract
from headrace.core.monitors.decisions.policy import RetrainingPolicy
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.core.splits.draws import DRAW, WHOLE, with_draws
from headrace.core.validation.row_digest import DIGEST, row_digest

# At most this share of the new rows is held out, so that the model learns from them too.
MOST_OF_THE_NEW = 0.5
_DAY = pl.duration(days=1)


@dataclass(frozen=True)
class SelectedRows:
    """The rows of a retraining.

    Attributes:
        frame: n typed rows: old ones, then new ones.
        held_out: Number of the newest rows, which are held out.
        old: Number of old rows.
        new: Number of new rows, those that are held out included.
        notes: What was left out, and why.
    """

    frame: pl.DataFrame
    held_out: int
    old: int
    new: int
    notes: tuple[Note, ...]

    def test_size(self, time: str) -> float:
        """Return the share of the rows with a time that a split by time holds out."""
        # Half a row less: so no rounding error can take the row before the cut as well.
        return (self.held_out - 0.5) / self.frame.get_column(time).count()


def select_training_rows(
    old: pl.DataFrame,
    new: pl.DataFrame,
    *,
    contract: Contract,
    rules: RetrainingPolicy,
    test_size: float = 0.2,
    seed: int = 0,
) -> SelectedRows:
    """Select the rows of a retraining by the window that the policy states.

    Args:
        old: Typed rows (m) from before; those without a time count as older than all others.
        new: Typed labelled rows (n) since then, each with a time.
        contract: Their contract, with its time column.
        rules: The policy of the retraining: ``rows``, ``sliding_days`` and ``half_life_days``.
        test_size: Share of the rows in the window to hold out; at most half of the new rows are.
        seed: Seed of the draws by which rows stay.

    Returns:
        The rows; the same ones whatever their order.

    Raises:
        InputError: If the new rows have fewer than two times, rows without a time cannot be weighted, or the window
            leaves nothing to learn from.
    """
    time = contract.time_column
    timeless = new.get_column(time).null_count()
    new = new.drop_nulls(time).sort(time, *sorted(set(new.columns) - {time}))
    times = new.get_column(time).unique().sort()
    if times.len() < 2:
        raise InputError(f"a retraining needs new labelled rows of at least two times; there are {times.len()}.")
    newest = times[-1]
    among = sum(_within(part, rules, time=time, newest=newest, seed=seed).height for part in (old, new))
    held_out = max(1, min(int(MOST_OF_THE_NEW * new.height), round(test_size * among)))
    # Never the earliest time of all, so that something is learned from the new rows.
    cut = max(new.get_column(time)[-held_out], times[1])
    # An old row that is equal to a new one, the time included, is the same request: a retraining before learned it.
    kept = old.join(
        new.select(old.columns).unique(), on=old.columns, how="anti", nulls_equal=True, maintain_order="left"
    )
    repeated = old.height - kept.height
    late = kept.filter(pl.col(time) >= cut).height
    kept = kept.filter(pl.col(time).is_null() | (pl.col(time) < cut))
    once = ("is among the new ones, and counts once", "are among the new ones, and count once")
    counts = [
        (timeless, "no_time", "new row", _left_out("without a time")),
        (repeated, "repeated_rows", "old row", once),
        (late, "late_old_rows", "old row", _left_out("as new as the rows that are held out")),
    ]
    if rules.rows == "weighted" and kept.get_column(time).null_count():
        raise InputError(
            f"rows can only be weighted by their age if each has a time; {kept.get_column(time).null_count()} old rows "
            "have none: name a time column in the contract, or choose other rows."
        )
    learned, measured = (new.filter(one) for one in (pl.col(time) < cut, pl.col(time) >= cut))
    selected = [_within(part, rules, time=time, newest=newest, seed=seed) for part in (kept, learned)]
    for before, after, word in zip((kept, learned), selected, ("old", "new"), strict=True):
        reason = "thinned by their age" if rules.rows == "weighted" else "older than the sliding window"
        counts.append((before.height - after.height, f"{word}_rows", f"{word} row", _left_out(reason)))
    notes = tuple(
        Note("info", "", rule, count, f"{describe_count(count, noun, *verbs)}.")
        for count, rule, noun, verbs in counts
        if count
    )
    old_rows, new_rows = selected
    if not old_rows.get_column(time).count() + new_rows.height:
        raise InputError(
            f"the {rules.rows} window must leave rows with a time to learn from, before the {measured.height} that are "
            "held out; it leaves none: make it longer."
        )
    frame = pl.concat([old_rows, new_rows, measured])
    return SelectedRows(frame, measured.height, old_rows.height, new_rows.height + measured.height, notes)


def _left_out(reason: str) -> tuple[str, str]:
    """Return the verbs for one row that is left out, and for several."""
    return f"is {reason}, and is left out", f"are {reason}, and are left out"


def _within(frame: pl.DataFrame, rules: RetrainingPolicy, *, time: str, newest: datetime, seed: int) -> pl.DataFrame:
    """Return the rows (n) that the policy keeps, given the time of the newest row."""
    age = pl.lit(newest, pl.Datetime("us")) - pl.col(time)
    if rules.rows == "sliding":
        return frame.filter((age <= rules.sliding_days * _DAY).fill_null(value=False))
    if rules.rows == "weighted":
        drawn = with_draws(row_digest(frame, sorted(frame.columns)), digest=DIGEST, copy="", seed=seed, name=DRAW)
        weight = (2.0 ** (-(age.dt.total_microseconds() / (rules.half_life_days * 86_400e6)))).alias("_weight")
        return drawn.filter(pl.col(DRAW) < weight * WHOLE).drop(DIGEST, DRAW)
    return frame


def leave_out_windows(frame: pl.DataFrame, windows: Sequence[TimeWindow], *, time: str) -> pl.DataFrame:
    """Return the rows (n) whose time, naive and in UTC, lies in none of some windows."""
    for window in windows:
        start, end = (moment.replace(tzinfo=None) for moment in (window.start, window.end))
        frame = frame.filter(((pl.col(time) < start) | (pl.col(time) >= end)).fill_null(value=True))
    return frame
