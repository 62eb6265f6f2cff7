"""``hr.score``: predictions for tables and frames."""

from pathlib import Path

import pandas as pd
import polars as pl
import pytest

import headrace.api as hr
from headrace.api.scoring import Predictions

MODEL = "headrace-out/customers"


def test_frames_and_files_get_the_same_predictions(folder: Path) -> None:
    """Of pandas, of Polars, and the CSV that they were read from, in the rows' order."""
    by_path = hr.score(MODEL, "customers.csv")
    assert (by_path.rows, by_path.scored, by_path.refused, by_path.output) == (400, 400, 0, None)
    assert by_path.frame["row"].to_list() == list(range(1, 401))
    for frame in (pd.read_csv("customers.csv"), pl.read_csv("customers.csv")):
        predictions = hr.score(hr.open_run(MODEL), frame)
        assert predictions == by_path
        assert predictions.frame.equals(by_path.frame)


@pytest.mark.parametrize("output", ["scored.csv", "scored.parquet", "scored"])
def test_predictions_may_be_written(folder: Path, output: str) -> None:
    """To a file or a folder of parts; the frame is read from there."""
    predictions = hr.score(MODEL, "customers.csv", output=output)
    assert predictions.output == Path(output)
    assert predictions.output.exists()
    held = hr.score(MODEL, "customers.csv").frame
    assert predictions.frame["label"].cast(pl.String).to_list() == held["label"].cast(pl.String).to_list()


def test_ids_keep_their_zeros_in_a_csv(folder: Path, tmp_path: Path) -> None:
    """Polars would read 00123 as the number 123; the file is right, and so is the frame."""
    path = tmp_path / "scored.csv"
    path.write_text("row,customer,label,probability_yes,status\n1,00123,yes,0.75,scored\n2,00124,,,refused\n")
    predictions = Predictions(2, 1, 1, 0, "customers", "d", output=path)
    assert predictions.frame.to_dict(as_series=False) == {
        "row": [1, 2],
        "customer": ["00123", "00124"],
        "label": ["yes", None],
        "probability_yes": [0.75, None],
        "status": ["scored", "refused"],
    }


@pytest.mark.parametrize("answers", [{"label": "yes", "probability_no": 0.25, "probability_yes": 0.75}, {"value": 1.5}])
def test_ids_may_be_named_as_predictions_are(answers: dict[str, object], tmp_path: Path) -> None:
    """They stay texts: of a classification an id ``value``, of a regression an id ``label``."""
    ids = {"probability_x": "007", "value" if "label" in answers else "label": "00123"}
    columns = {"row": 1, **ids, **answers, "status": "scored", "violations": "", "model_digest": "d"}
    path = tmp_path / "scored.csv"
    path.write_text("\n".join(",".join(map(str, line)) for line in (columns, columns.values())) + "\n")
    predictions = Predictions(1, 1, 0, 0, "customers", "d", output=path)
    for frame in (predictions.frame, predictions.head()):
        (row,) = frame.drop("violations").to_dicts()
        assert row == {name: value for name, value in columns.items() if name != "violations"}


def test_rows_that_break_the_contract_say_why(folder: Path) -> None:
    """They are kept, without a prediction."""
    frame = pl.read_csv("customers.csv").head(3).with_columns(age=pl.Series(["40", "old", "50"]))
    predictions = hr.score(MODEL, frame)
    assert (predictions.scored, predictions.refused) == (2, 1)
    assert predictions.frame["status"].cast(pl.String).to_list() == ["scored", "refused", "scored"]
    assert "age" in str(predictions.frame["violations"][1])


def test_it_is_silent_unless_progress_is_wanted(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What the command says on standard error is given to the caller instead."""
    lines: list[str] = []
    hr.score(MODEL, "customers.csv", progress=lines.append)
    assert lines == ["400 rows"]
    assert capfd.readouterr() == ("", "")


def test_what_cannot_be_scored_is_refused(folder: Path) -> None:
    """By the suite's own errors."""
    with pytest.raises(hr.DataError, match="age"):
        hr.score(MODEL, pl.DataFrame({"plan": ["basic"]}))
    with pytest.raises(hr.InputError, match="threads must be from 1 to 256; got 0"):
        hr.score(MODEL, "customers.csv", threads=0)
    with pytest.raises(hr.UserError, match="nowhere"):
        hr.score(MODEL, "nowhere.csv")
