"""One pass over a big table gives what the separate steps give."""

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from headrace.core.base.errors import DataError, InputError
from headrace.core.base.notes import from_json
from headrace.core.contracts.contract import Column, Contract, RowFeature
from headrace.core.contracts.contract_yaml import dump
from headrace.core.features.add_features import engineer_table
from headrace.core.readers.ingest import ingest_table
from headrace.core.splits.prepare import PreparedPaths, prepare_table
from headrace.core.splits.split_plan import SplitPlan, plan
from headrace.core.splits.split_table import split_table
from headrace.core.tables.parquet_table import read
from headrace.core.tables.source import ReadOptions
from headrace.core.validation.table import validate_table
from tests.core.readers.test_ingest import source

CONTRACT = Contract(
    name="trips",
    task="binary",
    columns=(
        Column("id", "integer", role="id"),
        Column("start", "timestamp", role="timestamp"),
        Column("end", "timestamp", role="timestamp"),
        Column("fare", "number", minimum=0),
        Column("miles", "number"),
        Column("kind", "string", categories=("cab", "bus")),
        Column("who", "string", role="ignore", personal="hash"),
        Column("secret", "string", role="ignore", personal="drop"),
        Column("tipped", "boolean", role="target", categories=("false", "true")),
    ),
    features=(
        RowFeature("weekday", "day_of_week", ("start",)),
        RowFeature("holiday", "holiday", ("start",), country="US"),
        RowFeature("minutes", "elapsed", ("start", "end")),
        RowFeature("fare_per_mile", "ratio", ("fare", "miles")),
    ),
    keys=("id",),
    missing_values=("", "NA", "-"),
    max_quarantined=0.5,
    positive="true",
)


def written(path: Path, rows: int = 500) -> Path:
    """A CSV with each kind of violation, missing values, padding, and rows and keys that repeat."""
    draw = random.Random(5)  # noqa: S311 - test data
    lines = ["id, start, end, fare, miles, kind, who, secret, tipped"]
    for number in range(rows):
        start = f"2024-{draw.randint(1, 12):02d}-{draw.randint(1, 28):02d} {draw.randint(0, 22):02d}:15:00"
        end = start.replace(":15:", ":45:") if draw.random() > 0.05 else "NA"
        fare = draw.choice(["-1", "much", "inf", "-", "", " 7.5 "]) if draw.random() < 0.1 else f"{draw.random():.2f}"
        kind = draw.choice(["cab", "bus", "cab", "bus", "tram", "-"] if draw.random() < 0.2 else ["cab", "bus"])
        who = draw.choice(["Ann", "Bob", '"Mac\nLeod, ""X"""', ""])
        row = [str(number), start, end, fare, str(draw.randint(0, 3)), kind, who, "s", draw.choice(["true", "false"])]
        if draw.random() < 0.02:
            row[-1] = draw.choice(["", "maybe"])
        lines.append(",".join(row))
        if draw.random() < 0.05:
            lines.append(lines[-1] if draw.random() < 0.5 else ",".join([*row[:3], "9.99", *row[4:]]))
    path.write_text("\n".join(lines) + "\n")
    return path


def outputs(folder: Path) -> PreparedPaths:
    """Where things go below a folder."""
    return PreparedPaths(
        train_table=folder / "train",
        test_table=folder / "test",
        test_actuals=folder / "actuals",
        quarantine=folder / "quarantine",
        checks=folder / "checks.json",
    )


def in_steps(csv: Path, folder: Path, contract: Contract, chosen: SplitPlan) -> dict[str, Any]:
    """The same by ingest, validate, engineer and split."""
    (folder / "contract.yaml").write_text(dump(contract))
    goal = outputs(folder)
    options = ReadOptions(missing_values=contract.missing_values, hash_columns=("who",))
    told = {"source": ingest_table(source(csv), folder=folder / "raw", options=options)}
    told["checks"] = validate_table(
        folder / "raw",
        contract=folder / "contract.yaml",
        valid=folder / "valid",
        quarantine=goal.quarantine,
        checks=goal.checks,
        page=folder / "page.html",
        notes=from_json(told["source"]["notes"]),
    )
    engineer_table(folder / "valid", contract=folder / "contract.yaml", feature_table=folder / "features")
    return told | split_table(
        folder / "features",
        contract=folder / "contract.yaml",
        train_table=goal.train_table,
        test_table=goal.test_table,
        test_actuals=goal.test_actuals,
        method=chosen.method,
        test_size=chosen.test_size,
        seed=chosen.seed,
        cut=chosen.cut,
    )


@pytest.mark.parametrize("block_bytes", [2**10, 2**25])
@pytest.mark.parametrize(
    ("keys", "time_column", "options"),
    [
        (("id",), "", {}),
        ((), "", {"method": "random", "seed": 3}),
        ((), "start", {}),
        ((), "start", {"cut": "2024-10-01"}),
    ],
)
def test_one_pass_equals_the_steps(
    tmp_path: Path, keys: tuple[str, ...], time_column: str, options: dict[str, Any], block_bytes: int
) -> None:
    """Rows, their order, counts, checks and metadata are the same, whatever the size of a block."""
    contract = replace(CONTRACT, keys=keys, time_column=time_column)
    chosen = plan(contract, test_size=0.3, **options)
    csv = written(tmp_path / "trips.csv")
    for name in ("steps", "once"):
        (tmp_path / name).mkdir()
    expected = in_steps(csv, tmp_path / "steps", contract, chosen)
    goal = outputs(tmp_path / "once")
    (tmp_path / "contract.yaml").write_text(dump(contract))
    told = prepare_table(
        source(csv),
        contract=tmp_path / "contract.yaml",
        outputs=goal,
        test_size=0.3,
        **options,
        block_bytes=block_bytes,
    )
    for facts in (told, expected):
        del facts["source"]["time"]
    assert told["source"].pop("columns") == expected["source"].pop("columns") == 9
    assert told.pop("quarantine") == {"rows": told["checks"]["quarantined"]}
    assert told == expected
    for name in ("train", "test", "actuals", "quarantine"):
        assert_frame_equal(read(tmp_path / "once" / name), read(tmp_path / "steps" / name))
    checks = [json.loads((tmp_path / name / "checks.json").read_text()) for name in ("once", "steps")]
    assert checks[0] == checks[1]
    found = {item["rule"] for item in checks[0]["rules"]}
    assert found >= {"type", "range", "category", "target_missing", "duplicate_rows"}
    assert told["checks"]["quarantined"] > 20
    assert "Ann" not in read(goal.train_table)["who"].to_list()
    assert "secret" not in read(goal.train_table).columns


def test_a_rule_that_stops_leaves_checks_and_quarantine(tmp_path: Path) -> None:
    """When the table is refused, what was found is there, and no part of the split is."""
    contract = replace(CONTRACT, rules={"category": "stop"})
    (tmp_path / "contract.yaml").write_text(dump(contract))
    goal = outputs(tmp_path / "out")
    with pytest.raises(DataError, match="'kind' must be one of 'cab', 'bus'"):
        prepare_table(source(written(tmp_path / "t.csv")), contract=tmp_path / "contract.yaml", outputs=goal)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["checks.json", "quarantine"]
    assert read(goal.quarantine).height > 0


def test_bad_input_leaves_nothing(tmp_path: Path) -> None:
    """A ragged row late in the file ends the pass, and no output is left."""
    csv = written(tmp_path / "t.csv")
    csv.write_text(csv.read_text() + "1,2\n")
    (tmp_path / "contract.yaml").write_text(dump(CONTRACT))
    with pytest.raises(InputError, match="has 2 fields where 9 are expected"):
        prepare_table(
            source(csv), contract=tmp_path / "contract.yaml", outputs=outputs(tmp_path / "out"), block_bytes=2**10
        )
    assert list((tmp_path / "out").iterdir()) == []


def test_parquet_is_prepared_alike(tmp_path: Path) -> None:
    """A typed source gives the same parts as its CSV."""
    columns = [column for column in CONTRACT.columns if column.dtype != "string"]
    contract = replace(CONTRACT, columns=tuple(columns), missing_values=("",))
    (tmp_path / "contract.yaml").write_text(dump(contract))
    frame = pl.DataFrame(
        {
            "id": range(100),
            "start": ["2024-05-01 10:00:00"] * 100,
            "end": ["2024-05-01 11:00:00"] * 100,
            "fare": [float(i % 7) for i in range(100)],
            "miles": [float(i % 5) for i in range(100)],
            "tipped": [i % 3 == 0 for i in range(100)],
        }
    ).with_columns(pl.col("start", "end").str.to_datetime())
    frame.write_csv(tmp_path / "t.csv", datetime_format="%Y-%m-%d %H:%M:%S")
    frame.write_parquet(tmp_path / "t.parquet")
    for name in ("t.csv", "t.parquet"):
        prepare_table(
            source(tmp_path / name), contract=tmp_path / "contract.yaml", outputs=outputs(tmp_path / f"{name}-out")
        )
    for part in ("train", "test", "actuals"):
        assert_frame_equal(read(tmp_path / "t.csv-out" / part), read(tmp_path / "t.parquet-out" / part))


def test_a_table_without_header_has_the_contracts_names(tmp_path: Path) -> None:
    """The contract names the columns of a CSV that does not."""
    csv = written(tmp_path / "t.csv")
    csv.write_text(csv.read_text().split("\n", 1)[1])
    (tmp_path / "contract.yaml").write_text(dump(CONTRACT))
    told = prepare_table(
        source(csv),
        contract=tmp_path / "contract.yaml",
        outputs=outputs(tmp_path / "out"),
        options=ReadOptions(header=False),
    )
    assert told["train_table"]["rows"] > 300
