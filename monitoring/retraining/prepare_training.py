"""Everything that a retraining needs, in the monitoring store: a table, its contract, and how to hold rows out.

The keys are ``MODEL/training/DIGEST.parquet`` and ``MODEL/training/DIGEST.yaml``, each by the digest of its own bytes,
so the training that follows can be repeated from its provenance like any other.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from headrace.core.base import files
from headrace.core.base.errors import DataError, InputError
from headrace.core.base.notes import Note
from headrace.core.base.quantities import describe_count
from headrace.core.bundles.bundle import Bundle
from headrace.core.contracts import contract_yaml
from headrace.core.monitors.decisions.policy import MonitoringPolicy, Widening
from headrace.core.monitors.reports.time_window import TimeWindow, parse_moment
from headrace.monitoring.decisions.history import HistoryStore
from headrace.monitoring.retraining.contract_widening import widen_contract, with_time_column
from headrace.monitoring.retraining.row_selection import SelectedRows, leave_out_windows, select_training_rows
from headrace.monitoring.retraining.stored_labels import read_stored_rows
from headrace.monitoring.retraining.training_rows import (
    prepare_new_rows,
    quarantine_notes,
    read_old_rows,
    validate_rows,
)
from headrace.stores.objects.folder_objects import FolderStore
from headrace.stores.objects.open_objects import StorePlace


@dataclass(frozen=True)
class RetrainingOptions:
    """How to retrain, beside the policy.

    Attributes:
        old: Path or address of the table that the model was made from; empty for the bundle's own copy.
        widen: What a person allows to become wider in the contract, beside what the policy allows.
        test_size: Share of all rows to hold out.
        seed: Seed of the draws by which rows stay.
    """

    old: str = ""
    widen: tuple[Widening, ...] = ()
    test_size: float = 0.2
    seed: int = 0


@dataclass(frozen=True)
class PreparedTraining:
    """A table to train on, in the monitoring store.

    Attributes:
        source: Address of the table.
        contract: Address of the contract.
        name: Name of the model.
        test_size: Share of the rows with a time that a split by time holds out.
        rows: Numbers of rows: ``old``, ``new`` and ``held_out``.
        changes: How the contract became wider, a clause each.
        notes: What was left out, and why.
    """

    source: str
    contract: str
    name: str
    test_size: float
    rows: dict[str, int]
    changes: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()


def prepare_training(
    bundle: Bundle, new: pl.DataFrame | None, place: StorePlace, *, policy: MonitoringPolicy, options: RetrainingOptions
) -> PreparedTraining:
    """Validate old and new rows, select those that the policy states, and store them with their contract.

    Args:
        bundle: The model in service.
        new: Raw labelled rows (n) with the names of the contract, and ``time`` or the contract's time column; None for
            the rows of the monitoring store whose labels have come.
        place: The monitoring store. New rows of windows in which monitors found broken data are left out.
        policy: The policy.
        options: Further options.

    Raises:
        DataError: If rows break the contract, or all new ones lie in windows with broken data: nothing is stored.
        InputError: If the contract would have to become wider than is allowed without a person, or there are too few
            new rows.
        MissingError: If the old rows cannot be found.
    """
    before = with_time_column(contract_yaml.load(bundle.folder / "contract.yaml"))
    raw = prepare_new_rows(read_stored_rows(place, bundle) if new is None else new, before)
    allowed = {*policy.retraining.widen_contract, *options.widen}
    widened = widen_contract(before, raw, allowed=allowed) if allowed else None
    contract, changes = (widened.contract, widened.changes) if widened else (before, ())
    if changes and not options.widen and "raise_contract" in policy.approve:
        raise InputError(
            f"the contract of {bundle.name} must be approved by a person before it becomes wider: "
            f"{'; '.join(changes)}: allow it with --raise-contract."
        )
    valid_new, valid_old = validate_rows(raw, contract, what="new"), read_old_rows(bundle, options.old, contract)
    time = contract.time_column
    sound = leave_out_windows(valid_new.frame, list_faulty_windows(place, bundle.name), time=time)
    faulty = valid_new.frame.height - sound.height
    if faulty and not sound.height:
        raise DataError(
            f"the new rows are not fit for training, so that nothing is trained: all {faulty:,} lie in windows of "
            f"{bundle.name} whose data a monitor found broken; repair what sends them, and retrain on later rows."
        )
    if new is None:
        sound = _after(sound, valid_old.frame, time)
    selected = select_training_rows(
        valid_old.frame,
        sound,
        contract=contract,
        rules=policy.retraining,
        test_size=options.test_size,
        seed=options.seed,
    )
    notes = [*quarantine_notes(valid_old, valid_new), *selected.notes]
    if faulty:
        lies = describe_count(faulty, "new row", "lies in a window", "lie in windows")
        sentence = f"{lies} whose data were broken, and {'is' if faulty == 1 else 'are'} left out."
        notes.append(Note("warning", "", "broken_windows", faulty, sentence))
    return PreparedTraining(
        source=_store(place, bundle.name, _as_parquet(selected), "parquet"),
        contract=_store(place, bundle.name, contract_yaml.dump(contract).encode(), "yaml"),
        name=bundle.name,
        test_size=selected.test_size(time),
        rows={"old": selected.old, "new": selected.new, "held_out": selected.held_out},
        changes=changes,
        notes=tuple(notes),
    )


def _after(new: pl.DataFrame, old: pl.DataFrame, time: str) -> pl.DataFrame:
    """Return the stored rows that are later than all old ones, where these have times: earlier ones are among them."""
    latest = old.get_column(time).max() if time in old.columns else None
    return new if latest is None else new.filter(pl.col(time) > latest)


def list_faulty_windows(place: StorePlace, model: str) -> Sequence[TimeWindow]:
    """Return the windows of a model in which a monitor found broken data."""
    return [
        TimeWindow(parse_moment(report.window.start), parse_moment(report.window.end))
        for report in HistoryStore(place, model).reports()
        if any(one.status == "data_fault" for one in report.results)
    ]


def _as_parquet(selected: SelectedRows) -> bytes:
    buffer = io.BytesIO()
    selected.frame.write_parquet(buffer, compression="zstd", compression_level=1)
    return buffer.getvalue()


def _store(place: StorePlace, model: str, data: bytes, ending: str) -> str:
    """Store bytes by their digest, and return their address."""
    key = f"{place.prefix}{model}/training/{files.digest(data)}.{ending}"
    if not place.store.exists(key):
        place.store.put_bytes(key, data, fresh=True)
    if isinstance(place.store, FolderStore):
        return str(place.store.path(key).absolute())
    return f"s3://{place.store.bucket}/{key}"
