"""Columns that name rows or what rows are about are no features, and what is set aside shapes no contract."""

import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from headrace.core.base.notes import Note
from headrace.core.contracts.casting import cast_columns
from headrace.core.contracts.contract import Contract
from headrace.core.contracts.contract_yaml import dump, parse
from headrace.core.contracts.table_inference.agreement import ContractHints
from headrace.core.contracts.table_inference.infer import infer_with_notes
from headrace.core.inference.request_encoder import RequestEncoder
from headrace.core.tables import parquet_table
from headrace.core.validation.block import validate_block
from headrace.core.validation.scoring import validate_for_scoring

N = 60


def draw(seed: int = 0) -> random.Random:
    """A source of test data."""
    return random.Random(seed)  # noqa: S311 - test data


def table(**columns: list[Any]) -> pl.DataFrame:
    """A raw table with an amount and a target of two classes beside the columns."""
    rows = len(next(iter(columns.values()))) if columns else N
    made = {name: [None if value is None else str(value) for value in values] for name, values in columns.items()}
    return pl.DataFrame(
        {
            **made,
            "amount": [f"{draw(place).uniform(1, 9):.3f}" for place in range(rows)],
            "late": [draw(place).choice(["yes", "no"]) for place in range(rows)],
        }
    )


def infer(folder: Path, frame: pl.DataFrame, **wishes: Any) -> tuple[Contract, dict[str, Note]]:
    """The contract of a table, which must survive YAML, and the notes by column."""
    with parquet_table.TableWriter(folder / "raw") as writer:
        writer.write(frame)
    made = infer_with_notes(folder / "raw", name="demo", target="late", hints=ContractHints(**wishes))
    assert parse(dump(made.contract)) == made.contract
    return made.contract, {note.column: note for note in made.notes}


def numbers(start: int = 15_566_251, rows: int = N) -> list[int]:
    """Different whole numbers without an order."""
    return draw().sample(range(start, start + 10**6), rows)


def repeated(values: list[Any], times: int) -> list[Any]:
    """Each value so often, one after the other."""
    return [value for value in values for _ in range(times)]


PEOPLE = [f"P{100_200 + 7 * place}" for place in range(20)]


@pytest.mark.parametrize(
    ("name", "values", "role"),
    [
        ("CustomerId", numbers(), "id"),
        ("customerid", numbers(), "id"),
        ("CUSTOMER_ID", numbers(), "id"),
        ("order no", numbers(), "id"),
        ("invoice_number", numbers(), "id"),
        ("Kunden-Nr", numbers(), "id"),
        ("id_cliente", numbers(), "id"),
        ("MRN", numbers(), "id"),
        ("patient", numbers(), "id"),
        ("loan", [f"L-{place:05d}" for place in range(N)], "id"),
        ("reference", [f"{draw(place).getrandbits(128):032x}" for place in range(N)], "id"),
        ("user_id", [None, *numbers()[1:]], "id"),
        ("balance", numbers(), "feature"),
        ("price", numbers(100_000), "feature"),
        ("population", numbers(0), "feature"),
        ("paid", numbers(), "feature"),
        ("patient_id", repeated(PEOPLE, 3), "group"),
        ("patient", repeated(list(range(1, 21)), 3), "group"),
        ("subject", repeated(list(range(1, 13)), 5), "group"),
        ("customerId", repeated(numbers(), 2)[:N], "group"),
        ("user", repeated(PEOPLE, 3), "group"),
        ("household_id", repeated(list(range(4_000, 4_030)), 2), "group"),
        ("device_id", repeated([f"dev{place}" for place in range(12)], 5), "group"),
        ("session_id", repeated([f"s{place}" for place in range(30)], 2), "group"),
        ("users", repeated(list(range(10, 40)), 2), "feature"),
        ("employees", repeated(list(range(10, 40)), 2), "feature"),
        ("VendorID", repeated([1, 2], 30), "feature"),
        ("plan_id", repeated([1, 2, 3, 4, 5, 6], 10), "feature"),
        ("children", [place % 4 for place in range(N)], "feature"),
        ("zip_code", repeated(list(range(10_000, 10_020)), 3), "feature"),
        ("uv_index", repeated(list(range(20)), 3), "feature"),
        ("Unnamed: 0", [*range(30), *range(30)], "ignore"),
        ("row", [*range(30), *range(30)], "ignore"),
    ],
)
def test_what_names_something_is_no_feature(tmp_path: Path, name: str, values: list[Any], role: str) -> None:
    """Different values under a name like an id are ids, few rows for each are groups, and amounts stay features."""
    found, notes = infer(tmp_path, table(RowNumber=list(range(1, N + 1)), **{name: values}))
    assert found.column(name).role == role
    assert found.column("RowNumber").role == "id"
    assert found.keys == ("RowNumber",)
    assert (name in notes) == (role in {"id", "group"})


def test_one_group_and_the_rest_left_out(tmp_path: Path) -> None:
    """Somebody's id is the group before a thing's, whatever their order; a person's choice goes first."""
    frame = table(product_id=repeated(list(range(500, 520)), 3), client_id=[7_000 + place % 30 for place in range(N)])
    found, notes = infer(tmp_path, frame)
    assert {c.name: c.role for c in found.columns[:2]} == {"product_id": "ignore", "client_id": "group"}
    assert "20 ids occur in 3.0 rows each" in found.column("product_id").description
    assert notes["client_id"].severity == "warning"
    chosen, _ = infer(tmp_path, frame, group_column="product_id")
    assert {c.name: c.role for c in chosen.columns[:2]} == {"product_id": "group", "client_id": "ignore"}


def test_a_row_of_totals_shapes_no_contract(tmp_path: Path) -> None:
    """Bounds, ids and dtypes are those of the rows that stay, also in a table so small that a text is over 1 in 100."""
    rows = N
    frame = pl.DataFrame(
        {
            "loan": [*map(str, range(1, rows + 1)), "Total"],
            "amount": [*map(str, numbers(20_000)), "99000000000"],
            "late": [*(draw(place).choice(["yes", "no"]) for place in range(rows)), None],
        }
    )
    found, _ = infer(tmp_path, frame)
    assert found == infer(tmp_path, frame.head(rows))[0]
    assert found.column("loan").role == "id"
    block = validate_block(frame, found)
    assert block.counts.quarantined == 1


def test_a_value_of_another_dtype_takes_its_row_out_of_the_contract(tmp_path: Path) -> None:
    """A row that will be quarantined gives no bound and no category, and is still told."""
    rows = 400
    frame = pl.DataFrame(
        {
            "size": [*map(str, [place % 50 for place in range(rows)]), "oops"],
            "amount": [*[f"{place % 90}.5" for place in range(rows)], "1e9"],
            "rate": [*[f"{place % 7}.25" for place in range(rows)], "inf"],
            "town": [*[f"town {place % 5}" for place in range(rows)], "nowhere"],
            "day": [*[f"2024-01-{1 + place % 28:02d}" for place in range(rows)], "soon"],
            "late": [*[("no", "yes")[place % 3 == 0] for place in range(rows)], "no"],
        }
    )
    found, _ = infer(tmp_path, frame)
    assert found.column("amount").maximum == 179
    assert "nowhere" not in (found.column("town").categories or ())
    assert "1 values are not of this dtype" in found.column("size").description
    assert validate_block(frame, found).counts.quarantined == 1


def test_a_long_list_of_rare_categories_is_open(tmp_path: Path) -> None:
    """Where many values were seen once or twice others will come, and are accepted alike by every check."""
    rows = 1_000
    towns = [f"town {min(int(draw(place).paretovariate(0.7)), 400)}" for place in range(rows)]
    frame = table(town=[*towns[:-1], "NULL"], state=[f"state {place % 40}" for place in range(rows)])
    found, notes = infer(tmp_path, frame)
    town, state = found.column("town"), found.column("state")
    assert (town.unseen, state.unseen) == ("accept", "refuse")
    assert "were seen once or twice, so others will come: they are accepted." in town.description
    assert notes["town"].rule == "open_categories"
    row = {"town": "elsewhere", "state": "state 3", "amount": "2.5"}
    new = pl.DataFrame([row, row | {"town": "n/a"}, row | {"state": "other"}])
    assert validate_for_scoring(new, found).refused.to_list() == [False, False, True]
    assert cast_columns(new, found.inputs, missing_values=("n/a",)).frame["town"].to_list() == [
        "elsewhere",
        None,
        "elsewhere",
    ]
    door = RequestEncoder(found)
    quick, slow = door.try_rows([row]), door._judged_rows([row])
    assert quick is not None
    assert quick.matrix.tolist() == slow.matrix.tolist()
    assert quick.matrix[0, door.names.index("town")] == -1
    assert door.try_rows([row | {"state": "other"}]) is None
    assert validate_block(frame.with_columns(town=pl.lit("elsewhere")), found).counts.quarantined == 0
