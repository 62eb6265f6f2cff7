"""The contract inferred from a table."""

import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from headrace.core.base.errors import DataError, InputError, MissingError
from headrace.core.contracts.contract import Column, Contract
from headrace.core.contracts.contract_yaml import dump, load, parse
from headrace.core.contracts.profiling.personal_data import guess
from headrace.core.contracts.table_inference.infer import infer_contract
from headrace.core.tables import parquet_table

N = 300


def spread(values: list[str | None], count: int = N) -> list[str | None]:
    """The values over and over again."""
    return [values[place % len(values)] for place in range(count)]


def raw(**columns: Any) -> pl.DataFrame:
    """A raw table as it comes from a CSV, all text, with a target of two classes."""
    draw = random.Random(0)  # noqa: S311 - test data
    return pl.DataFrame({"y": [draw.choice("01") for _ in range(N)], **columns})


def infer(folder: Path, frame: pl.DataFrame, *, target: str = "y", **given: Any) -> Contract:
    """Write a table and infer its contract, which must survive YAML."""
    with parquet_table.TableWriter(folder / "raw") as writer:
        writer.write(frame)
    found = infer_contract(folder / "raw", name="demo", target=target, **given)
    assert parse(dump(found)) == found
    return found


NUMBERS = [str(number) for number in range(N)]


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (spread(["3", "-4", None, "12"]), {"dtype": "integer", "minimum": -20, "maximum": 28, "role": "feature"}),
        (spread(["0", "1"]), {"dtype": "integer", "minimum": 0, "maximum": 1}),
        (spread(["1.5", "2", "1e1"]), {"dtype": "number", "minimum": 0, "maximum": 18.5}),
        (spread(["1", "2.5", "inf"]), {"dtype": "number", "maximum": 4, "description": "100 values are infinite"}),
        (spread(["true", "False"]), {"dtype": "boolean", "role": "feature"}),
        (spread(["yes", "no", None]), {"dtype": "boolean", "missing": 0.5}),
        (spread(["2024-01-31", "2024-02-01"]), {"dtype": "timestamp", "role": "timestamp", "format": ""}),
        (spread(["31/01/2024 10:30", "01/02/2024 11:30"]), {"dtype": "timestamp", "format": "%d/%m/%Y %H:%M"}),
        (spread(["01/31/2024", "01/02/2024"]), {"dtype": "timestamp", "format": "%m/%d/%Y"}),
        (spread(["00123", "04567"]), {"dtype": "string", "categories": ("00123", "04567")}),
        (spread(["b", "a", None, "A"]), {"dtype": "string", "categories": ("A", "a", "b"), "missing": 0.38}),
        (spread([f"v{number}" for number in range(150)]), {"role": "ignore", "description": "too many for categories"}),
        ([f"free text {number}" for number in range(N)], {"role": "ignore", "description": "too many for categories"}),
        ([None] * N, {"role": "ignore", "description": "All its values are missing."}),
        (["oops", *NUMBERS[1:-2], "1", "1"], {"dtype": "integer", "description": "1 values are not of this dtype"}),
        (spread(["oops", "1", "2"]), {"dtype": "string", "role": "feature", "categories": ("1", "2", "oops")}),
        (
            ["oops" if number % 20 == 0 else str(number) for number in range(N)],
            {"role": "ignore", "description": "Most of its values are of dtype integer"},
        ),
        (NUMBERS, {"dtype": "integer", "role": "id"}),
        (spread([f"a{number}@example.org" for number in range(90)]), {"role": "ignore", "personal": "drop"}),
    ],
)
def test_a_column_of_text_is_what_its_values_are(tmp_path: Path, values: list[str], wanted: dict[str, Any]) -> None:
    """Dtype, bounds, categories, role and reasons follow from all the values."""
    found = infer(tmp_path, raw(a=pl.Series(values, dtype=pl.String))).column("a")
    for name, value in wanted.items():
        if name == "description":
            assert value in found.description
        else:
            assert getattr(found, name) == value


def test_text_of_many_categories_is_a_feature_where_rows_abound(tmp_path: Path) -> None:
    """Up to 1,000 categories are taken where each has twenty rows."""
    frame = pl.DataFrame(
        {"y": spread(["0", "1"], 6_600), "zone": spread([f"z{number}" for number in range(330)], 6_600)}
    )
    assert len(infer(tmp_path, frame).column("zone").categories or ()) == 330


def test_a_column_that_begins_with_missing_values_is_what_its_later_values_are(tmp_path: Path) -> None:
    """The first rows only tell what is worth trying."""
    late = pl.Series([None] * 2_500 + ["1.5", "2.5"] * 250, dtype=pl.String)
    times = pl.Series([None] * 2_500 + ["2024-01-31 10:00:00"] * 500, dtype=pl.String)
    frame = pl.DataFrame({"y": spread(["0", "1"], 3_000), "late": late, "times": times})
    found = infer(tmp_path, frame)
    assert (found.column("late").dtype, found.column("times").dtype) == ("number", "timestamp")


def test_types_of_the_source_are_kept(tmp_path: Path) -> None:
    """Columns of Parquet or SQL keep their types; lists are no features."""
    frame = raw().with_columns(
        i=pl.int_range(0, N, dtype=pl.Int16) % 50,
        f=(pl.int_range(0, N) % 7) / 2,
        b=pl.int_range(0, N) % 2 == 0,
        t=pl.datetime(2024, 1, 1) + pl.duration(hours=pl.int_range(0, N)),
        d=pl.date(2024, 1, 1) + pl.duration(days=pl.int_range(0, N)),
        c=(pl.int_range(0, N) % 3).cast(pl.String).cast(pl.Categorical),
        n=pl.concat_list(pl.int_range(0, N)),
    )
    found = infer(tmp_path, frame)
    kinds = {column.name: (column.dtype, column.role) for column in found.columns}
    assert kinds == {
        "y": ("integer", "target"),
        "i": ("integer", "feature"),
        "f": ("number", "feature"),
        "b": ("boolean", "feature"),
        "t": ("timestamp", "timestamp"),
        "d": ("timestamp", "timestamp"),
        "c": ("string", "feature"),
        "n": ("string", "ignore"),
    }


@pytest.mark.parametrize(
    ("values", "given", "task", "classes", "positive"),
    [
        (spread(["0", "1"]), {}, "binary", ("0", "1"), "1"),
        (spread(["Yes", "no"]), {}, "binary", ("Yes", "no"), "Yes"),
        (spread(["true", "false"]), {}, "binary", ("false", "true"), "true"),
        (spread(["good", "bad"]), {}, "binary", ("bad", "good"), "bad"),
        (spread(["good", "bad"]), {"positive": "good"}, "binary", ("bad", "good"), "good"),
        (spread(["+", "-"]), {}, "binary", ("+", "-"), "+"),
        (spread(["north", "south", "south"]), {}, "binary", ("north", "south"), "north"),
        (spread(["1.5", "2.5"]), {}, "binary", ("1.5", "2.5"), "2.5"),
        (spread(["10", "9", "8"]), {}, "multiclass", ("8", "9", "10"), ""),
        (spread(["a", "b", "c"]), {}, "multiclass", ("a", "b", "c"), ""),
        (NUMBERS, {}, "regression", None, ""),
        (spread(["1.5", "2.5", "3.5"]), {}, "regression", None, ""),
        (spread(["0", "1"]), {"task": "regression"}, "regression", None, ""),
        (spread(["1.5", "2.5", "3.5"]), {"task": "multiclass"}, "multiclass", ("1.5", "2.5", "3.5"), ""),
    ],
)
def test_the_task_follows_from_the_target(
    tmp_path: Path, values: list[str], given: dict[str, Any], task: str, classes: tuple[str, ...] | None, positive: str
) -> None:
    """Texts and few whole numbers are classes, other numbers are not, and the user's word goes before."""
    found = infer(tmp_path, raw(x=spread(["1", "2"])).with_columns(y=pl.Series(values)), **given)
    assert (found.task, found.target.categories, found.positive) == (task, classes, positive)


@pytest.mark.parametrize(
    ("values", "given", "error", "fragment"),
    [
        (spread(["1"]), {}, DataError, "each of its 300 is '1'"),
        ([None] * N, {}, DataError, "all 300 are missing"),
        ([f"text {number}" for number in range(N)], {}, DataError, "looks like an identifier or free text"),
        (spread(["2024-01-01", "2024-01-02"]), {}, DataError, "holds timestamps"),
        (spread(["a", "b"]), {"task": "regression"}, InputError, "must be a number for a regression"),
        (spread(["a", "b"]), {"task": "multiclass"}, InputError, "the task must be binary"),
        (spread(["a", "b", "c"]), {"task": "binary"}, InputError, "the task must be multiclass"),
        (
            spread(["a", "b"]),
            {"task": "ranking"},
            InputError,
            "the task must be binary, multiclass, regression or anomaly",
        ),
        (spread(["a", "b"]), {"positive": "c"}, InputError, "the positive class must be one of"),
        (spread(["a", "b"]), {"time_column": "x"}, InputError, "the time column 'x' must hold timestamps"),
        (spread(["a", "b"]), {"group_column": "X1"}, InputError, "there is no 'X1'; did you mean 'x'?"),
    ],
)
def test_what_cannot_be_predicted_is_told(
    tmp_path: Path, values: list[str], given: dict[str, Any], error: type[Exception], fragment: str
) -> None:
    """Constant, missing and id-like targets, and wishes that cannot be, end in one sentence."""
    with pytest.raises(error) as caught:
        infer(tmp_path, raw(x=spread(["1", "2"])).with_columns(y=pl.Series(values, dtype=pl.String)), **given)
    assert fragment in str(caught.value)


def test_an_absent_target_is_told_with_near_names(tmp_path: Path) -> None:
    """Near names are suggested; without any, a few columns are listed."""
    with pytest.raises(InputError, match="did you mean 'Survived'"):
        infer(tmp_path, raw(Survived=spread(["1"])), target="survived?")
    with pytest.raises(InputError, match="its columns are 'y', 'Survived'"):
        infer(tmp_path, raw(Survived=spread(["1"])), target="qqqq")


def test_a_table_without_a_header_is_told(tmp_path: Path) -> None:
    """Names that are numbers are taken for a first row of data."""
    frame = pl.DataFrame({"A11": ["A12"], "6": ["48"], "A34": ["A32"], "1169": ["5951"]})
    with pytest.raises(InputError, match="seems to have no header"):
        infer(tmp_path, frame, target="class")


def test_keys_are_found_and_wishes_obeyed(tmp_path: Path) -> None:
    """A unique column called like an id is the key; ids, groups and hidden columns are what the user says."""
    frame = raw(customer_id=[f"c{number}" for number in range(N)], shop=spread(["a", "b"]), mail=spread(["x", "z"]))
    found = infer(tmp_path / "a", frame)
    assert found.keys == ("customer_id",)
    assert found.column("customer_id").role == "id"
    found = infer(
        tmp_path / "b",
        frame,
        id_columns=["shop"],
        group_column="mail",
        drop_columns=["customer_id", "gone"],
        hash_columns=["mail"],
    )
    assert found.keys == ()
    assert found.column("shop").role == "id"
    assert (found.column("mail").role, found.column("mail").personal) == ("group", "hash")
    assert found.column("customer_id").personal == "drop"


def test_times_suggest_row_features(tmp_path: Path) -> None:
    """Calendar features that vary, holidays of the country, and the minutes between two times."""
    start = pl.datetime(2024, 1, 1) + pl.duration(hours=pl.int_range(0, N))
    frame = raw().with_columns(dropoff=start + pl.duration(minutes=7), pickup=start, day=pl.date(2024, 5, 1))
    found = infer(tmp_path, frame, time_column="pickup", country="DE")
    names = [feature.name for feature in found.features]
    assert "pickup_hour" in names
    assert "day_hour" not in names
    assert "day_month" not in names
    assert "pickup_holiday" in names
    assert "pickup_to_dropoff_minutes" in names
    assert found.time_column == "pickup"
    with pytest.raises(InputError, match="country must be an ISO 3166 code"):
        infer(tmp_path, frame, country="Atlantis")


@pytest.mark.parametrize(
    ("name", "values", "wanted"),
    [
        ("Email", [], "e-mail"),
        ("customerName", [], "names"),
        ("phone_number", [], "telephone"),
        ("a", ["123-45-6789"] * 5, "social security"),
        ("a", ["4111 1111 1111 1111"] * 5, "card"),
        ("a", ["4111 1111 1111 1112"] * 5, ""),
        ("a", ["DE89 3704 0044 0532 0130 00"] * 5, "IBAN"),
        ("a", ["+49 170 1234567"] * 5, "telephone"),
        ("product_name", ["chair"] * 5, ""),
        ("age", ["63"] * 5, ""),
        ("pickup_zone", ["Lenox Hill West"] * 5, ""),
    ],
)
def test_personal_data_are_guessed(name: str, values: list[str], wanted: str) -> None:
    """Names and looks of persons' data are known, and harmless columns are left alone."""
    found = guess(name, values)
    assert (wanted in found) if wanted else found == ""


CONTRACT = Contract(
    name="given",
    task="binary",
    columns=(Column("y", "integer", "target", categories=("0", "1")), Column("x", "integer")),
    positive="0",
)


@pytest.mark.parametrize(
    ("given", "fragment"),
    [
        ({"target": "x"}, "the target must be the contract's, 'y'; got 'x' instead"),
        ({"task": "regression"}, "the task must be the contract's, 'binary'"),
        ({"positive": "1"}, "the positive class must be the contract's, '0'"),
        ({"time_column": "x"}, "the time column must be the contract's, which names none"),
        ({"drop_columns": ["x"]}, "the personal treatment of 'x'"),
        ({"hash_columns": ["z"]}, "the personal treatment of 'z'"),
        ({"id_columns": ["x"]}, "the role of 'x'"),
    ],
)
def test_wishes_must_not_contradict_a_given_contract(tmp_path: Path, given: dict[str, Any], fragment: str) -> None:
    """A contract that a person made counts; an option that says otherwise is an error."""
    path = tmp_path / "given.yaml"
    path.write_text(dump(CONTRACT))
    with pytest.raises(InputError) as caught:
        infer(tmp_path, raw(x=spread(["1", "2"])), given=path, **given)
    assert fragment in str(caught.value)


def test_a_given_contract_passes_through(tmp_path: Path) -> None:
    """It is held against the table's columns and not changed."""
    path = tmp_path / "given.yaml"
    path.write_text(dump(CONTRACT))
    assert infer(tmp_path, raw(x=spread(["1"]), extra=spread(["2"])), given=path, drop_columns=["gone"]) == CONTRACT
    with pytest.raises(InputError, match="column 'x' of the contract must be a column of the table"):
        infer(tmp_path, raw(), given=path)
    with pytest.raises(MissingError):
        infer(tmp_path, raw(), given=tmp_path / "absent.yaml")


def test_an_empty_table_is_told(tmp_path: Path) -> None:
    """A table without rows has no contract."""
    with pytest.raises(DataError, match="must have rows"):
        infer(tmp_path, raw().clear())


@pytest.mark.parametrize("columns", [200, pytest.param(2_000, marks=pytest.mark.slow)])
def test_a_wide_table_is_inferred(tmp_path: Path, columns: int) -> None:
    """Two thousand columns take a moment, not minutes."""
    frame = raw(**{f"c{place}": spread(["1", "2.5", None]) for place in range(columns)})
    assert len(infer(tmp_path, frame).inputs) == columns


@pytest.mark.parametrize(
    ("file", "names", "target", "task"),
    [("heart.csv", True, "target", "binary"), ("german.csv", False, "column_20", "binary")],
)
def test_real_tables_are_inferred(
    tmp_path: Path, real_tables: Path, file: str, names: bool, target: str, task: str
) -> None:
    """Tables from the wild give a contract that a person would agree with."""
    frame = pl.read_csv(real_tables / file, infer_schema=False, has_header=names)
    found = infer(tmp_path, frame, target=target)
    assert found.task == task
    assert all(column.role == "feature" for column in found.columns if column.name != target)
    (tmp_path / "contract.yaml").write_text(dump(found))
    assert load(tmp_path / "contract.yaml") == found
