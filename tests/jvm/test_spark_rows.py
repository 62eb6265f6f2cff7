"""Spark's own Python workers score typed rows and events, with the model from an archive that the query brings."""

import datetime as dt
import json
import random
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from headrace.core.base.errors import RequestError
from headrace.serving.model.served_model import ServedModel
from tests.made_bundle import copy_bundle
from tests.real.spark_parts import run_script, spark

pytestmark = pytest.mark.jvm

ROWS = 48


def _table(path: Path) -> None:
    """Rows of which a third break the contract; spends are exact in every type."""
    draw = random.Random(7)  # noqa: S311 - which rows does not matter
    ages = [draw.choice([draw.randrange(100), 120, -1, None]) for _ in range(ROWS)]
    spends = [draw.choice([draw.randrange(400) / 4, 461.0, None, float("nan")]) for _ in range(ROWS)]
    plans = [draw.choice(["basic", "plus", "premium", "gold", None]) for _ in range(ROWS)]
    first = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    times = [draw.choice([first + dt.timedelta(seconds=draw.randrange(3 * 10**7)), None]) for _ in range(ROWS)]
    table = {
        "n": pa.array(range(ROWS), pa.int64()),
        "age": pa.array(ages, pa.int64()),
        "spend": pa.array(spends, pa.float64()),
        "plan": pa.array(plans),
        "joined": pa.array(times, pa.timestamp("us", tz="UTC")),
    }
    pa.parquet.write_table(pa.table(table), path)


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What Spark's workers said of each row in each of the types."""
    folder = tmp_path_factory.mktemp("spark")
    bundle = copy_bundle(folder / "driver").folder
    _table(folder / "rows.parquet")
    archive = shutil.make_archive(str(folder / "sent"), "zip", bundle)
    variables = spark().variables(spark_sql_session_timeZone="+05:30", spark_sql_execution_arrow_maxRecordsPerBatch="7")
    places = (str(bundle), archive, str(folder / "rows.parquet"), str(folder / "facts"))
    run_script(Path(__file__).with_name("spark_rows.py"), *places, variables=variables, folder=folder)
    return [json.loads(line) for line in (folder / "facts").read_text().splitlines()]


def _server_says(served: ServedModel, value: str) -> Any:
    try:
        return served.objects(served.predict_validated([json.loads(value)]))[0]
    except RequestError as error:
        return error.reason


def test_rows_and_events_get_what_the_server_says(facts: list[dict[str, Any]], tmp_path: Path) -> None:
    """Types as Spark hands them over by Arrow, and the same rows as Spark itself writes them in JSON.

    ``to_json`` of Spark 4.2.0 writes an instant with the offset of the session's time zone.
    """
    served = ServedModel.open(copy_bundle(tmp_path).folder)
    seen = {"scored": 0, "refused": 0}
    for fact in facts:
        expected = _server_says(served, fact["value"])
        seen[fact["status"]] += 1
        assert (fact["event_status"], fact["model_digest"]) == (fact["status"], served.digest), fact
        if isinstance(expected, str):
            assert fact["status"] == "refused", fact
            assert (fact["topic"], fact["word"], fact["answer"]) == ("scores-dead-letter", expected, fact["value"])
            assert expected in {rule.split(":")[0] for rule in fact["violations"].split("; ")}, fact
            assert fact["reason"].startswith("column '")
            assert "label" not in fact
        else:
            assert fact["status"] == "scored", fact
            answer = json.loads(fact["answer"])
            assert {name: answer[name] for name in expected} == expected
            assert fact["label"] == expected["label"]
            assert {name: fact[f"probability_{name}"] for name in ("no", "yes")} == expected["probabilities"]
            assert (answer["event_offset"], fact["topic"]) == (fact["n"], "scores")
    assert len(facts) == 6 * ROWS
    assert min(seen.values()) > ROWS


def test_a_nan_is_a_text_in_sparks_json(facts: list[dict[str, Any]]) -> None:
    """So it comes to a topic as "NaN" where a number belongs (Spark 4.2.0, ``to_json``); the contract reads nothing."""
    found = [fact for fact in facts if fact["kinds"] == {} and json.loads(fact["value"])["spend"] == "NaN"]
    assert found
    assert all("spend" not in fact.get("violations", "") or "missing:spend" in fact["violations"] for fact in found)


def test_what_is_null_is_absent_from_sparks_json(facts: list[dict[str, Any]], tmp_path: Path) -> None:
    """Unless ``ignoreNullFields`` is set to false (Spark 4.2.0, ``to_json``); an event must have all its columns."""
    served = ServedModel.open(copy_bundle(tmp_path).folder)
    with_null = [fact for fact in facts if None in json.loads(fact["value"]).values()]
    assert with_null
    for fact in with_null:
        assert json.loads(fact["short"]) == {k: v for k, v in json.loads(fact["value"]).items() if v is not None}
    allowed = next(fact for fact in with_null if fact["status"] == "scored")
    assert _server_says(served, allowed["short"]) == "columns"


def test_columns_are_kept(facts: list[dict[str, Any]]) -> None:
    """Nested ones, which may not be null in themselves, and an input."""
    for fact in facts:
        assert fact["nested"] == {"a": [fact["n"]], "b": {"x": fact["n"]}}
        assert (fact.get("joined") is None) == (json.loads(fact["value"])["joined"] is None)
