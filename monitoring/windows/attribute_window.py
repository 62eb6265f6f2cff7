"""Attributes the change of a window's predictions to the inputs that drifted, from a sample of its rows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from headrace.core.drift.attribution import MOST_COLUMNS, DriftAttribution, attribute_change
from headrace.core.drift.input_counts import ColumnCounts, find_bins
from headrace.core.drift.input_profile import sample_rows
from headrace.core.drift.reference_profile import ReferenceProfile
from headrace.core.features import matrix_layout, model_matrix, row_features
from headrace.core.monitors.data.change_sentences import percent
from headrace.core.monitors.data.count_window import (
    ContractModel,
    Floats,
    known_rows,
    observe_contract,
    select_scores,
)
from headrace.core.monitors.data.window_rows import select_inputs
from headrace.core.monitors.reports.monitor_report import MonitorResult
from headrace.core.validation.scoring import validate_for_scoring

FEWEST_EFFECTIVE_ROWS = 100
_DRIFTED = ("input_drift", "missing", "unseen_categories")
_ALARMS = ("violated", "data_fault")


def attribute_window(
    frames: Iterable[pl.DataFrame],
    model: ContractModel,
    profile: ReferenceProfile,
    results: Sequence[MonitorResult],
) -> tuple[MonitorResult, ...]:
    """Say which inputs' drift explains the change of the predictions.

    At most eight inputs are looked at, those with the least probabilities first, on a fair sample of at most 100,000
    rows that were answered.

    Args:
        frames: The window's stored rows.
        model: The model that answered, for its contract.
        profile: The reference profile of its bundle.
        results: What ``data_results`` said of the window.

    Returns:
        One result for each input, and one without a subject for what none of them explains; empty if the predictions
        have not drifted, and unknown if it is not known whether they have.
    """
    unknown = next((one for one in results if one.monitor == "prediction_drift" and one.status == "unknown"), None)
    if unknown is not None:
        return (replace(unknown, monitor="drift_attribution"),)
    if not any(one.monitor == "prediction_drift" and one.status in _ALARMS for one in results):
        return ()
    drifted = sorted(
        (one for one in results if one.monitor in _DRIFTED and one.status in _ALARMS),
        key=lambda one: one.p_value or 0.0,
    )
    names = list(dict.fromkeys(one.subject for one in drifted))[:MOST_COLUMNS]
    sample = sample_rows(_read_answers(frames, model, profile, names))
    reference = {column.bins.name: column for column in profile.counts().columns}
    outputs = ColumnCounts.of_record(profile.outputs.prediction)
    found = attribute_change(
        [reference[name] for name in names],
        [find_bins(values, reference[name].bins) for name, values in zip(names, sample.T, strict=False)],
        outputs=outputs,
        predictions=find_bins(sample[:, -1], outputs.bins),
    )
    return _results(found, len(sample), len({one.subject for one in drifted}) - len(names))


def _read_answers(
    frames: Iterable[pl.DataFrame], model: ContractModel, profile: ReferenceProfile, names: Sequence[str]
) -> Iterator[Floats]:
    """Yield the named columns of the model matrix and the prediction (n, k + 1) of rows that were answered."""
    profile.check(model.contract)
    contract = observe_contract(model.contract)
    columns = [column for column in matrix_layout.columns(contract) if column.name in names]
    order = [[column.name for column in columns].index(name) for name in names]
    for frame in frames:
        scores = select_scores(frame, model.contract)
        kept = ~np.isnan(scores) & known_rows(frame, contract).to_numpy()
        validation = validate_for_scoring(select_inputs(frame.filter(pl.Series(kept))), contract)
        valid = ~validation.refused
        table = row_features.add(validation.table.filter(valid), contract)
        matrix = model_matrix.encode_columns(table, columns).to_numpy() if columns else np.empty((table.height, 0))
        yield np.column_stack([matrix[:, order], scores[kept][valid.to_numpy()]])


def _results(found: DriftAttribution, rows: int, omitted: int) -> tuple[MonitorResult, ...]:
    rough = (
        f" Few rows are like those of training ({found.effective_rows:.0f} of {rows}), so that this is a rough guess."
        if found.effective_rows < FEWEST_EFFECTIVE_ROWS
        else ""
    )
    left = f" {omitted} more inputs drifted and are not looked at." if omitted else ""
    parts = tuple(
        MonitorResult(
            "drift_attribution",
            name,
            "ok",
            f"The drift of {name!r} explains {percent(found.share(name))} of the change of the predictions.{rough}",
            value=found.share(name),
            rows=rows,
        )
        for name in found.parts
    )
    share = found.unexplained / found.change if found.change else 1.0
    whole = MonitorResult(
        "drift_attribution",
        "",
        "ok",
        f"{percent(share)} of the change of the predictions is explained by no input alone: inputs go together "
        f"differently, or values came that training never saw.{left}{rough}",
        value=share,
        rows=rows,
    )
    return (*parts, whole)
