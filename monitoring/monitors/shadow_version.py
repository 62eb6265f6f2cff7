"""A shadow: a version that answers nobody, scored here on the rows that the version in service answered.

The serving path stays as it is. What only an endpoint shows (latency, memory, failures) is not seen of a shadow, nor is
anything of inputs that the store does not hold, such as personal columns.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from headrace.core.base.errors import DataError, UserError
from headrace.core.bundles.bundle import Bundle
from headrace.core.inference.batch_scoring import score_block, validate_rows
from headrace.core.inference.scorer import Scorer
from headrace.core.monitors.data.column_types import concat_rows
from headrace.core.monitors.data.count_window import count_window
from headrace.core.monitors.data.window_rows import select_inputs
from headrace.core.monitors.performance.estimated_performance import estimated_results
from headrace.core.monitors.performance.performance_reference import PerformancePlan
from headrace.core.monitors.reports.monitor_report import ShadowReport
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.monitoring.labels.label_table import ACTUAL
from headrace.monitoring.labels.window_performance import predicted_rows
from headrace.monitoring.monitors.answered_rows import answer_columns, select_answered
from headrace.monitoring.monitors.measure_labels import AnsweredLabels, measure_answers
from headrace.monitoring.monitors.monitored_model import MonitoredModel
from headrace.monitoring.monitors.stored_counts import own_rows
from headrace.monitoring.windows.window_store import WindowStore
from headrace.stores.objects.open_objects import StorePlace

MOST_SCORED = 100_000
_DRAW = "drawn"
SHOWN = frozenset({"measured_performance", "estimated_performance"})


@dataclass(frozen=True)
class ShadowVersion:
    """A version that is scored as a shadow.

    Attributes:
        bundle: Its bundle.
        served: The version in service, whose rows are scored.
    """

    bundle: Bundle
    served: MonitoredModel

    def report(self, place: StorePlace, window: TimeWindow, labels: AnsweredLabels, *, alpha: float) -> ShadowReport:
        """Score the rows of a window, and those whose labels came in it, and measure the answers.

        Args:
            place: The monitoring store.
            window: The window.
            labels: The rows whose labels came in the window, and those of the same days, as the version in service
                answered them.
            alpha: Chance of any false alarm among the results.
        """
        try:
            return self._report(place, window, labels, alpha)
        except (DataError, UserError) as error:
            note = f"The shadow {self.bundle.digest[:12]} cannot be scored: {error}"
            return ShadowReport(self.bundle.digest, 0, 0, (), (note,))

    def _report(self, place: StorePlace, window: TimeWindow, labels: AnsweredLabels, alpha: float) -> ShadowReport:
        if self.served.contract.task == "anomaly":
            raise DataError("its performance is not measured, for it is an anomaly model.")
        shadow, scorer = MonitoredModel.of(self.bundle), Scorer.open(self.bundle)
        plan = PerformancePlan(alpha=alpha / 2)
        frames = own_rows(WindowStore(place, self.served.name).read(window), self.served)
        drawn, seen = _draw_rows(frames)
        answered, notes = select_answered(drawn, self.served.contract)
        if seen > MOST_SCORED:
            notes = (*notes, f"The shadow scored {answered.height:,} of {seen:,} rows, drawn with a fixed seed.")
        scored, refused = _score(answered, scorer, shadow)
        measured, _ = _score(labels.answered, scorer, shadow)
        if refused:
            notes = (*notes, f"The shadow's contract refuses {refused:,} of {answered.height:,} rows.")
        fresh = measured.join(labels.fresh.select("request_id", "row"), on=["request_id", "row"], how="semi")
        inputs = count_window(iter([answered] if answered.height else []), shadow, shadow.profile).inputs
        estimated = estimated_results(
            shadow.profile.outputs,
            predicted_rows(scored, shadow.contract),
            reference=shadow.reference,
            inputs=inputs,
            trained=shadow.profile.counts(),
            plan=plan,
        )
        results = [*measure_answers(shadow, measured, fresh, plan), *estimated]
        shown = [one for one in results if one.monitor in SHOWN]
        return ShadowReport(self.bundle.digest, scored.height, fresh.height, tuple(shown), tuple(notes))


def _draw_rows(frames: Iterator[pl.DataFrame]) -> tuple[list[pl.DataFrame], int]:
    """Return at most ``MOST_SCORED`` of all rows, each as likely as any other, and the number of all."""
    draw, seen = np.random.default_rng(0), 0
    kept: list[pl.DataFrame] = []
    for frame in frames:
        seen += frame.height
        kept.append(frame.with_columns(pl.Series(_DRAW, draw.random(frame.height))))
        # Rows with the least numbers are a simple random sample, of however many frames they come.
        if sum(part.height for part in kept) > 2 * MOST_SCORED:
            kept = [concat_rows(kept).bottom_k(MOST_SCORED, by=_DRAW)]
    if seen > MOST_SCORED:
        kept = [concat_rows(kept).bottom_k(MOST_SCORED, by=_DRAW)]
    return [frame.drop(_DRAW) for frame in kept], seen


def _score(rows: pl.DataFrame, scorer: Scorer, shadow: MonitoredModel) -> tuple[pl.DataFrame, int]:
    """Return stored rows with the shadow's answers in place of others, and how many rows its contract refuses."""
    names = [name for name in rows.columns if name.startswith("probability_") or name in {"label", "value"}]
    kept = rows.drop(names)
    if not rows.height:
        answers, refused = pl.DataFrame(schema={name: pl.Float64() for name in answer_columns(shadow.contract)}), 0
        if "label" in answers.columns:
            answers = answers.with_columns(pl.col("label").cast(pl.String))
    else:
        block = score_block(validate_rows(select_inputs(rows), scorer.contract), scorer)
        answers, refused = block.table.select(answer_columns(shadow.contract)), block.refused
    scored, _ = select_answered([pl.concat([kept, answers], how="horizontal")], shadow.contract)
    if ACTUAL in scored.columns and scored.schema[ACTUAL] == pl.String() and shadow.classes:
        scored = scored.filter(pl.col(ACTUAL).is_null() | pl.col(ACTUAL).is_in(list(shadow.classes)))
    return scored, refused
