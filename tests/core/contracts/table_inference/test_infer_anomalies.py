"""The contract of an anomaly task: no target, or the few labels there are."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from headrace.core.base.errors import DataError, InputError
from headrace.core.contracts.contract import Column, Contract
from headrace.core.contracts.contract_yaml import dump, parse
from headrace.core.contracts.table_inference.agreement import ContractHints
from headrace.core.contracts.table_inference.infer import infer_with_notes
from headrace.core.splits.split_table import NO_LABEL, split_table
from headrace.core.validation.table import validate_table
from tests.core import made
from tests.fraud import payments


def inferred(
    folder: Path, frame: pl.DataFrame, *, target: str = "", task: str = "anomaly", positive: str = ""
) -> Contract:
    """The contract of a table, which must survive YAML."""
    made.write(frame, folder / "raw")
    hints = ContractHints(task=task, positive=positive)
    found = infer_with_notes(folder / "raw", name="demo", target=target, hints=hints).contract
    assert parse(dump(found)) == found
    return found


def test_no_target_is_needed(tmp_path: Path) -> None:
    """Every column is looked at as an input."""
    found = inferred(tmp_path, payments(300).drop("label"))
    assert (found.task, found.label_column, found.positive) == ("anomaly", None, "")
    assert {"amount", "kind", "hour"} <= {column.name for column in found.inputs}
    with pytest.raises(InputError, match="must have a column of role target for this"):
        assert found.target


def test_the_column_with_labels_is_no_input(tmp_path: Path) -> None:
    """Rows without a label are as good as others for what is inferred; the class of anomalies is found by its name."""
    found = inferred(tmp_path, payments(2000), target="label")
    assert found.label_column is not None
    assert (found.label_column.categories, found.positive, found.label_column.missing) == (
        ("fraud", "ok"),
        "fraud",
        1.0,
    )
    assert "label" not in {column.name for column in found.inputs}
    alone = inferred(tmp_path / "alone", payments(2000).drop("label"))
    assert found.inputs == alone.inputs


def test_the_task_must_be_named(tmp_path: Path) -> None:
    """Without it, a target must be."""
    made.write(payments(30), tmp_path)
    with pytest.raises(InputError, match="the target must be named; only the task anomaly does without one"):
        infer_with_notes(tmp_path, name="demo", target="", hints=ContractHints())


def test_labels_are_of_two_kinds(tmp_path: Path) -> None:
    """Another number of classes is refused; a column without labels too."""
    frame = payments(300)
    with pytest.raises(InputError, match="must be of two classes, anomaly or not"):
        inferred(tmp_path, frame, target="kind")
    with pytest.raises(DataError, match="all 300 are missing"):
        inferred(tmp_path / "none", frame.with_columns(label=pl.lit(None, pl.String)), target="label")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"columns": (Column("x", "number"), *(Column(n, "string", "target", categories=("a", "b")) for n in "yz"))},
            "once",
        ),
        (
            {"columns": (Column("x", "number"), Column("y", "string", "target", categories=("a", "b", "c")))},
            "two categories",
        ),
        ({"columns": (Column("x", "number"),), "positive": "a"}, "absent from a contract without a target"),
        ({"positive": "c"}, "one of the classes"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, object], message: str) -> None:
    """The sentence names the place."""
    columns = (Column("x", "number"), Column("y", "string", "target", categories=("a", "b")))
    whole = Contract(name="demo", task="anomaly", columns=columns)
    with pytest.raises(InputError, match=message):
        replace(whole, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("labels", [True, False])
def test_rows_without_a_label_stay(tmp_path: Path, labels: bool) -> None:
    """None is quarantined, and both parts of the split have their share of the labels; test rows never hold one."""
    frame = payments(3000) if labels else payments(3000).drop("label")
    contract = inferred(tmp_path, frame, target="label" if labels else "")
    path = made.write_contract(contract, tmp_path / "contract.yaml")
    validate_table(
        tmp_path / "raw",
        contract=path,
        valid=tmp_path / "valid",
        quarantine=tmp_path / "quarantine",
        checks=tmp_path / "checks.json",
        page=tmp_path / "checks.html",
    )
    facts = split_table(
        tmp_path / "valid",
        contract=path,
        train_table=tmp_path / "train",
        test_table=tmp_path / "test",
        test_actuals=tmp_path / "actuals",
    )
    train, test, actuals = (pl.read_parquet(tmp_path / name / "*.parquet") for name in ("train", "test", "actuals"))
    assert train.height + test.height == 3000
    assert test.height == actuals.height == facts["test_actuals"]["rows"]
    assert "label" not in test.columns
    if not labels:
        assert actuals.columns == [NO_LABEL]
        return
    assert facts["train_table"]["method"] == "stratified"
    share = (actuals["label"] == "fraud").sum() / (frame["label"] == "fraud").sum()
    assert 0.15 < share < 0.25
