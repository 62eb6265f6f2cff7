"""Batch scoring against the answers row by row."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import DataError, InputError, RequestError
from headrace.core.bundles.bundle import Bundle
from headrace.core.contracts.contract import Column
from headrace.core.inference import batch_scoring
from headrace.core.inference.request_encoder import RequestEncoder
from headrace.core.inference.scorer import Scorer
from headrace.stores.sources.open_source import open_source
from tests.made_bundle import copy_bundle, make_bundle
from tests.properties import examples

ROWS = [
    {"age": "31", "spend": "20.5", "plan": "premium", "joined": "2024-03-02 23:15:00", "churn": "no"},
    {"age": "old", "spend": "20.5", "plan": "basic", "joined": "2024-03-02 23:15:00", "churn": "no"},
    {"age": "60", "spend": "", "plan": "basic", "joined": "2024-03-02", "churn": ""},
    {"age": "60", "spend": "NA", "plan": "gold", "joined": "yesterday", "churn": "yes"},
    {"age": "-5", "spend": "inf", "plan": "plus", "joined": "2024-03-02T23:15:00", "churn": "no"},
]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A small bundle."""
    return copy_bundle(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def scorer(bundle: Bundle) -> Scorer:
    """Its model."""
    return Scorer.open(bundle)


def written(path: Path, rows: list[dict[str, Any]], copies: int = 1) -> Path:
    """A table of some rows."""
    pl.DataFrame(rows * copies).write_csv(path)
    return path


def run(scorer: Scorer, table: Path, output: Path, **choices: Any) -> tuple[dict[str, Any], pl.DataFrame]:
    """What is told, and what is written."""
    told = batch_scoring.score_table(open_source(str(table)), scorer=scorer, output=output, **choices)
    read = pl.read_csv if output.suffix == ".csv" else pl.read_parquet
    return told, read(output if output.suffix else output / "*.parquet")


@pytest.mark.parametrize("name", ["out", "out.parquet", "out.csv"])
def test_each_row_gets_what_the_server_would_answer(scorer: Scorer, tmp_path: Path, name: str) -> None:
    """The same number to the bit where the door lets a row pass; no prediction and the reasons where it refuses."""
    told, found = run(scorer, written(tmp_path / "t.csv", ROWS), tmp_path / name)
    door, names = RequestEncoder(scorer.contract), ["age", "spend", "plan", "joined"]
    for row, got in zip(ROWS, found.iter_rows(named=True), strict=True):
        sent = [{key: row[key] or None for key in names}]
        try:
            scores = scorer.scores(door.encode_rows(sent).matrix)[0]
        except RequestError:
            assert (got["status"], got["label"], got["probability_no"]) == ("refused", None, None)
            assert got["violations"]
        else:
            assert got["status"] == "scored"
            assert [got["probability_no"], got["probability_yes"]] == scores.tolist()
            assert got["label"] == scorer.classes[int(scores[1] >= scorer.threshold)]
    assert found["row"].to_list() == [1, 2, 3, 4, 5]
    assert set(found["model_digest"]) == {scorer.digest}
    assert told == {"rows": 5, "scored": 2, "refused": 3, "warned": 0, "digest": scorer.digest}
    assert found["violations"].to_list()[3] == "category:plan; type:joined"


def test_rows_keep_their_order_over_many_blocks(scorer: Scorer, tmp_path: Path) -> None:
    """Whatever the size of the blocks, the predictions are the same, row by row."""
    table = written(tmp_path / "t.csv", ROWS, copies=400)
    _, small = run(scorer, table, tmp_path / "small", block_bytes=3_000)
    _, large = run(scorer, table, tmp_path / "large")
    assert small.equals(large)
    assert small["row"].to_list() == list(range(1, 2001))


def test_parquet_and_csv_give_the_same(scorer: Scorer, tmp_path: Path) -> None:
    """Typed columns or texts."""
    table = written(tmp_path / "t.csv", [ROWS[0], ROWS[2]])
    pl.read_csv(table, try_parse_dates=True, null_values=[""]).write_parquet(tmp_path / "t.parquet")
    _, first = run(scorer, table, tmp_path / "a")
    _, second = run(scorer, tmp_path / "t.parquet", tmp_path / "b")
    assert first.equals(second)


def test_keys_and_ids_come_along_and_personal_ones_do_not(scorer: Scorer, tmp_path: Path) -> None:
    """A prediction must be joined to its row again, without a name on it."""
    more = (Column("id", "integer", role="id"), Column("mail", "string", role="ignore", personal="drop"))
    more = (*more, Column("phone", "string", role="id", personal="hash"))
    wider = replace(scorer.contract, columns=(*more, *scorer.contract.columns))
    table = written(tmp_path / "t.csv", [{"id": "007", "mail": "a@b.c", "phone": "555", **ROWS[0]}])
    _, found = run(replace(scorer, contract=wider), table, tmp_path / "out")
    assert found["id"].to_list() == ["007"]
    assert not {"mail", "phone"} & set(found.columns)


NUMBERS = ["31", "-0", "+7", "007", "3.", ".5", "1e2", "NAN", "nan", "inf", "1e400", "162", "163", "", "NA", "x", "1_0"]
ROW = st.fixed_dictionaries(
    {
        "age": st.sampled_from([*NUMBERS, "31.0", "9223372036854775808"]),
        "spend": st.one_of(st.sampled_from(NUMBERS), st.floats(-1, 500).map(repr)),
        "plan": st.sampled_from(["basic", "plus", "premium", "gold", "Basic", "?", ""]),
        "joined": st.sampled_from(["2024-03-02", "2024-03-02T23:15:00", "2024-02-30", "02.03.2024", ""]),
    }
)


@given(rows=st.lists(ROW, min_size=1, max_size=8))
@examples(60)
def test_a_row_is_scored_where_the_door_lets_it_pass_and_refused_by_the_rule_that_the_door_names(
    scorer: Scorer, rows: list[dict[str, str]]
) -> None:
    """Whatever stands in a table, batch and server agree, row by row: the law of both."""
    frame = pl.DataFrame(rows).with_columns(pl.when(pl.all() != "").then(pl.all()))
    found = batch_scoring.score_block(batch_scoring.validate_rows(frame, scorer.contract), scorer).table
    door = RequestEncoder(scorer.contract)
    assert found.height == len(rows)
    for row, got in zip(frame.iter_rows(named=True), found.iter_rows(named=True), strict=True):
        try:
            expected = scorer.scores(door.encode_rows([row]).matrix)[0]
        except RequestError as error:
            assert (got["status"], got["label"], got["probability_yes"]) == ("refused", None, None)
            assert error.reason in {told.split(":")[0] for told in got["violations"].split("; ")}
        else:
            assert got["status"] == "scored"
            np.testing.assert_allclose([got["probability_no"], got["probability_yes"]], expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["row", "label", "status", "violations", "model_digest", "probability_yes"])
def test_an_id_may_have_the_name_of_a_predictions_column(scorer: Scorer, tmp_path: Path, name: str) -> None:
    """Both columns are there, the id under a name that says where it is from."""
    wider = replace(scorer.contract, columns=(Column(name, "string", role="id"), *scorer.contract.columns))
    _, found = run(
        replace(scorer, contract=wider), written(tmp_path / "t.csv", [{name: "x", **ROWS[0]}]), tmp_path / "o"
    )
    assert found[f"input_{name}"].to_list() == ["x"]
    assert found[name].to_list() != ["x"]


def test_a_key_stays_as_it_is_written(scorer: Scorer, tmp_path: Path) -> None:
    """Though it is a number that the model takes, and though one block has a text among its numbers."""
    keyed = replace(scorer, contract=replace(scorer.contract, keys=("spend",)))
    rows = [{**ROWS[0], "spend": "007.50"}] * 300 + [{**ROWS[0], "spend": "dear"}] * 300
    told, found = run(keyed, written(tmp_path / "t.csv", rows), tmp_path / "o", block_bytes=2_000)
    assert (told["scored"], told["refused"]) == (300, 300)
    assert set(found["spend"]) == {"007.50", "dear"}


@pytest.mark.parametrize("severity", ["warn", "off"])
def test_an_infinity_is_refused_alone(scorer: Scorer, tmp_path: Path, severity: Any) -> None:
    """No model takes one, even if the contract lets it pass; the other rows are scored."""
    lax = replace(scorer, contract=replace(scorer.contract, rules={"finite": severity, "range": "off"}))
    rows = [{**ROWS[0], "spend": "inf"}, ROWS[0]]
    _, found = run(lax, written(tmp_path / "t.csv", rows), tmp_path / "o")
    assert found["status"].to_list() == ["refused", "scored"]
    assert found["violations"].to_list() == ["finite:spend", None]


def test_a_row_without_a_finite_answer_is_refused(scorer: Scorer, tmp_path: Path) -> None:
    """As a server refuses it; no prediction is ever NaN."""

    class Broken:
        name = "onnx"

        def __call__(self, matrix: Any) -> Any:
            return np.where(matrix[:, :1] > 50, np.nan, scorer.engine(matrix))

    table = written(tmp_path / "t.csv", [ROWS[0], ROWS[2]])
    told, found = run(replace(scorer, engine=Broken()), table, tmp_path / "o")
    assert (told["scored"], told["refused"]) == (1, 1)
    assert found["status"].to_list() == ["scored", "refused"]
    assert found["violations"].to_list() == [None, "answer:churn"]
    assert found["probability_yes"].null_count() == 1


def test_an_absent_column_may_pass_where_the_contract_only_warns(scorer: Scorer, tmp_path: Path) -> None:
    """Its values are missing, and each row says so."""
    lax = replace(scorer, contract=replace(scorer.contract, rules={"columns": "warn"}))
    table = written(tmp_path / "t.csv", [{key: value for key, value in ROWS[0].items() if key != "plan"}])
    told, found = run(lax, table, tmp_path / "o")
    assert (told["scored"], told["warned"]) == (1, 1)
    assert found["violations"].to_list() == ["columns:plan"]


def test_a_regression_gives_values(tmp_path: Path) -> None:
    """One column of numbers in place of a label."""
    made = Scorer.open(make_bundle(tmp_path / "made", target="spend", task="regression", family="linear"))
    rows = [{**ROWS[0], "churn": "no"}, {**ROWS[0], "churn": "perhaps"}]
    told, found = run(made, written(tmp_path / "t.csv", rows), tmp_path / "o")
    assert (told["scored"], told["refused"]) == (1, 1)
    values = found["value"].to_list()
    expected = made.scores(
        RequestEncoder(made.contract).encode_rows([{k: v for k, v in rows[0].items() if k != "spend"}]).matrix
    )
    assert values == [pytest.approx(expected[0], rel=1e-12), None]
    assert "label" not in found.columns


@pytest.mark.parametrize("other", ["thesis.txt", "part-1.parquet.bak", "table"])
def test_a_folder_with_anything_else_in_it_is_not_replaced(scorer: Scorer, tmp_path: Path, other: str) -> None:
    """A mistyped output must not cost anybody's files."""
    output = tmp_path / "results"
    output.mkdir()
    (output / other).write_text("years of work")
    with pytest.raises(InputError, match="must be new, empty or an older table of parts"):
        run(scorer, written(tmp_path / "t.csv", ROWS), output)
    assert (output / other).read_text() == "years of work"


def test_a_table_is_not_replaced_by_its_own_predictions(scorer: Scorer, tmp_path: Path) -> None:
    """Neither a file nor a folder of parts, nor by a link."""
    table = written(tmp_path / "t.csv", ROWS)
    parts = tmp_path / "parts"
    parts.mkdir()
    pl.read_csv(table, infer_schema=False).write_parquet(parts / "part-00000.parquet")
    (tmp_path / "link").symlink_to(parts)
    before = table.read_bytes(), (parts / "part-00000.parquet").read_bytes()
    for source, output in [(table, table), (parts / "*.parquet", parts), (parts / "*.parquet", tmp_path / "link")]:
        with pytest.raises(InputError, match="would replace"):
            batch_scoring.score_table(open_source(str(source)), scorer=scorer, output=output)
    assert (table.read_bytes(), (parts / "part-00000.parquet").read_bytes()) == before


def test_columns_that_nobody_needs_are_not_read(scorer: Scorer, tmp_path: Path) -> None:
    """A column of a type that no table has costs nothing if the model does not want it."""
    rows = pl.DataFrame([ROWS[0], ROWS[2]]).drop("churn").with_columns(spend=pl.Series([20.5, None]))
    rows.with_columns(notes=pl.Series([[1, 2], [3]])).write_parquet(tmp_path / "t.parquet")
    told, _ = run(scorer, tmp_path / "t.parquet", tmp_path / "o")
    assert told["scored"] == 2


def test_a_rule_that_only_warns_lets_a_row_be_scored(scorer: Scorer, tmp_path: Path) -> None:
    """It has a prediction and a violation."""
    lenient = replace(scorer, contract=replace(scorer.contract, rules={"range": "warn"}))
    told, found = run(lenient, written(tmp_path / "t.csv", [{**ROWS[0], "age": "-5"}]), tmp_path / "out")
    assert (told["scored"], told["warned"]) == (1, 1)
    assert found["violations"].to_list() == ["range:age"]


def test_what_cannot_be_scored_is_refused_and_an_older_output_stays(scorer: Scorer, tmp_path: Path) -> None:
    """An absent column and an empty table end in one sentence; the predictions of yesterday are untouched."""
    output = tmp_path / "out.csv"
    run(scorer, written(tmp_path / "t.csv", ROWS), output)
    before = output.read_bytes()
    lacking = written(tmp_path / "lacking.csv", [{key: value for key, value in ROWS[0].items() if key != "plan"}])
    with pytest.raises(DataError, match="'plan'"):
        run(scorer, lacking, output)
    (tmp_path / "empty.csv").write_text("age,spend,plan,joined\n")
    with pytest.raises(DataError, match="no rows"):
        run(scorer, tmp_path / "empty.csv", output)
    assert output.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"out.csv", "t.csv", "lacking.csv", "empty.csv"}
    with pytest.raises(InputError, match="it is another file"):
        run(scorer, tmp_path / "t.csv", written(tmp_path / "t.txt", ROWS))


def test_numbers_that_are_read_at_once_are_the_numbers_of_texts(scorer: Scorer, tmp_path: Path) -> None:
    """A block with one text among its numbers is read as texts, and gives the same for the other rows."""
    spends = ["1.5", " 2.25 ", "1e3", "-0", "+7", "", "NA", "0x1F", "1_000", "3.", ".5", "NAN", "-nan", "1e400"]
    rows = [{**ROWS[0], "spend": text} for text in spends]
    _, found = run(scorer, written(tmp_path / "t.csv", rows), tmp_path / "a")
    for place, row in enumerate(rows):
        _, alone = run(scorer, written(tmp_path / "one.csv", [row]), tmp_path / "b")
        same = ["status", "violations", "probability_yes"]
        assert alone.select(same).equals(found.slice(place, 1).select(same)), row["spend"]
