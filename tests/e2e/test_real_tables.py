"""The whole line on real tables: as they come, with the options that a person would give."""

import csv
from importlib.resources import files
from pathlib import Path

import pytest

from headrace.pipelines.local.summary import Summary
from tests.conftest import headrace

pytestmark = pytest.mark.slow

_ADULT = (
    "age,workclass,fnlwgt,education,education-num,marital-status,occupation,relationship,race,sex,"
    "capital-gain,capital-loss,hours-per-week,native-country,income"
)


def _run(table: Path, home: Path, *arguments: str) -> Summary:
    ended = headrace("run", str(table), *arguments, "--budget", "3", "--output", str(home))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    summary = Summary.model_validate_json((home / "summary.json").read_text())
    assert summary.rows is not None
    assert summary.rows.read == summary.rows.quarantined + summary.rows.train + summary.rows.test
    assert summary.endpoint is not None
    assert summary.endpoint.verified
    return summary


def test_heart(real_tables: Path, tmp_path: Path) -> None:
    """A byte-order mark, a repeated row and 303 patients."""
    summary = _run(real_tables / "heart.csv", tmp_path / "out", "--target", "target", "--slice", "sex")
    assert summary.task == "binary"
    assert summary.rows is not None
    assert summary.rows.read == 303
    assert summary.metrics["roc_auc"].value > 0.8


def test_german_credit(real_tables: Path, tmp_path: Path) -> None:
    """No header; a miss costs five times a false alarm, as the data's authors say."""
    options = ["--no-header", "--target", "column_21", "--positive", "2", "--cost-false-negative", "5"]
    summary = _run(real_tables / "german.csv", tmp_path / "out", *options)
    assert summary.task == "binary"
    assert summary.metrics["recall"].value > summary.metrics["precision"].value


def test_taxis(real_tables: Path, tmp_path: Path) -> None:
    """Times, zones, missing values; a regression, split by time."""
    options = ["--target", "fare", "--time-column", "pickup", "--country", "US", "--drop-column", "total"]
    summary = _run(real_tables / "taxis.csv", tmp_path / "out", *options)
    assert summary.task == "regression"
    assert summary.metrics["r2"].low > 0.7
    assert "pickup_hour" in (tmp_path / "out" / "contract.yaml").read_text()


def test_adult_census(real_tables: Path, tmp_path: Path) -> None:
    """Names given, blanks after commas, question marks for what is missing."""
    options = [
        "--column-names",
        _ADULT,
        "--target",
        "income",
        "--drop-column",
        "fnlwgt",
        "--slice",
        "sex",
        "--families",
        "logistic",
    ]
    summary = _run(real_tables / "adult-train.csv", tmp_path / "out", *options)
    assert summary.rows is not None
    assert summary.rows.read == 32_561
    assert summary.metrics["roc_auc"].low > 0.85


def test_three_classes(tmp_path: Path) -> None:
    """Wines of three growers, from the copy that scikit-learn ships."""
    _, *rows = csv.reader(files("sklearn.datasets.data").joinpath("wine_data.csv").read_text().splitlines())
    table = tmp_path / "wine.csv"
    with table.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([*(f"measure {i}" for i in range(1, 14)), "grower"])
        writer.writerows([*numbers, "abc"[int(label)]] for *numbers, label in rows)
    summary = _run(table, tmp_path / "out", "--target", "grower")
    assert summary.task == "multiclass"
    assert summary.metrics["roc_auc"].low > 0.8
