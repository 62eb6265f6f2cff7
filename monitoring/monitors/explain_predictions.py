"""Which inputs' drift explains a change of the predictions."""

import numpy as np

from headrace.core.drift.attribution import MOST_COLUMNS, attribute_change
from headrace.core.drift.input_counts import ColumnCounts, find_bins
from headrace.core.features import matrix_layout, model_matrix, row_features
from headrace.core.monitors.reports.monitor_report import MonitorResult
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.core.validation.scoring import validate_for_scoring
from headrace.monitoring.monitors.answered_rows import select_answered
from headrace.monitoring.monitors.monitored_model import MonitoredModel
from headrace.monitoring.monitors.stored_counts import own_rows
from headrace.monitoring.windows.count_window import observe_contract, select_scores
from headrace.monitoring.windows.window_rows import select_inputs
from headrace.monitoring.windows.window_store import WindowStore
from headrace.stores.objects.open_objects import StorePlace

MOST_ROWS = 50_000


def explain_predictions(
    place: StorePlace, model: MonitoredModel, window: TimeWindow, results: tuple[MonitorResult, ...]
) -> tuple[MonitorResult, ...]:
    """Return the part of the predictions' change that each drifted input explains.

    Args:
        place: The monitoring store.
        model: The version that answered.
        window: The window.
        results: The results of the data monitors.

    Returns:
        One result for each input that drifted, at most eight, the largest part first; empty unless the predictions
        drifted too. They are computed on at most 50,000 rows.
    """
    if not any(one.monitor == "prediction_drift" and one.status == "violated" for one in results):
        return ()
    drifted = [one for one in results if one.monitor == "input_drift" and one.status == "violated"]
    names = [one.subject for one in sorted(drifted, key=lambda one: -(one.value or 0.0))[:MOST_COLUMNS]]
    reference = {column.bins.name: column for column in model.profile.counts().columns}
    if not names:
        return ()
    rows, _ = select_answered(own_rows(WindowStore(place, model.name).read(window), model), model.contract)
    rows = rows.sample(MOST_ROWS, seed=0) if rows.height > MOST_ROWS else rows
    contract = observe_contract(model.contract)
    validation = validate_for_scoring(select_inputs(rows), contract)
    kept = rows.filter(~validation.refused)
    if not kept.height:
        return ()
    table = row_features.add(validation.table.filter(~validation.refused), contract)
    matrix = model_matrix.encode(table, contract)
    places = {column.name: index for index, column in enumerate(matrix_layout.columns(contract))}
    outputs = ColumnCounts.of_record(model.profile.outputs.prediction)
    found = attribute_change(
        [reference[name] for name in names],
        [find_bins(np.ascontiguousarray(matrix[:, places[name]]), reference[name].bins) for name in names],
        outputs=outputs,
        predictions=find_bins(select_scores(kept, model.contract), outputs.bins),
    )
    direction = "up" if found.change > 0 else "down"
    return tuple(
        MonitorResult(
            "drift_attribution",
            name,
            "ok",
            f"The drift of {name} explains {found.share(name):.0%} of the predictions' move {direction} by "
            f"{abs(found.change):.2f} in mean rank; {found.unexplained / found.change if found.change else 0:.0%} is "
            "explained by no input that drifted.",
            value=found.share(name),
            rows=kept.height,
        )
        for name in sorted(names, key=lambda name: -abs(found.parts[name]))
    )
