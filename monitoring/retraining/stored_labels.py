"""The stored rows of a model whose labels have come, as new rows to train on."""

from datetime import timedelta

import polars as pl

from headrace.core.base.errors import DataError
from headrace.core.bundles.bundle import Bundle
from headrace.core.contracts import contract_yaml
from headrace.core.monitors.data.window_rows import TIME
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.monitoring.labels.label_store import LabelStore
from headrace.monitoring.labels.labelled_rows import contract_rows, labelled_rows
from headrace.monitoring.windows.window_store import WindowStore
from headrace.stores.objects.open_objects import StorePlace


def read_stored_rows(place: StorePlace, bundle: Bundle) -> pl.DataFrame:
    """Return all stored rows with a label, under the contract's names.

    The time of the request stands for the contract's time column, unless requests held that column.

    Args:
        place: The monitoring store.
        bundle: The model in service.

    Raises:
        DataError: If there are none.
        StoreError: If the store fails.
    """
    contract = contract_yaml.load(bundle.folder / "contract.yaml")
    rows = WindowStore(place, bundle.name)
    hours = rows.hours()
    if hours:
        everything = TimeWindow(hours[0], hours[-1] + timedelta(hours=1))
        labelled = labelled_rows(rows, LabelStore(place, bundle.name), everything, contract)
        if labelled.height:
            named = contract_rows(labelled, contract)
            name = contract.time_column or TIME
            if name in named.columns:  # as requests held it: it may be what inputs are computed from
                return named
            return named.with_columns(labelled.get_column(TIME).dt.replace_time_zone(None).alias(name))
    raise DataError(
        f"{place} must hold rows of {bundle.name} whose labels have come, to train on; it holds none: store labels "
        "with headrace labels, or give a table with --new."
    )
