"""Missing, empty and unknown values of imported pipelines are scored or refused as the original does."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

import headrace.api as hr
from headrace.core.base.errors import InputError
from headrace.core.inference.batch_scoring import score_table
from headrace.core.inference.request_encoder import RequestEncoder
from headrace.core.inference.scorer import Scorer
from headrace.stores.sources.open_source import open_source
from tests.model_import import made_models as made

CITY = [{"type": "double", "name": "age", "required": True}, {"type": "string", "name": "city", "required": True}]


def cities(*steps: Any, texts: Sequence[Any] = ("rome", "oslo", "bonn")) -> tuple[Any, pd.DataFrame]:
    """A classifier over a number and a text that goes through the steps, and its table."""
    frame = pd.DataFrame({"age": np.arange(30.0), "city": pd.Series(list(texts) * 10, dtype=object)})
    encode = ColumnTransformer([("n", StandardScaler(), ["age"]), ("c", make_pipeline(*steps), ["city"])])
    return make_pipeline(encode, LogisticRegression()).fit(frame, (frame.age + 9 * (frame.city == "oslo") > 15)), frame


def ask(scorer: Scorer, *rows: dict[str, Any]) -> Any:
    """The scores of requests."""
    return scorer.scores(RequestEncoder(scorer.contract).encode_rows(list(rows)).matrix)


def imported(folder: Path, model: Any, inputs: Any = tuple(made.SIGNATURE)) -> Scorer:
    """The scorer of a model's bundle."""
    made.sklearn_model(folder / "model", model, inputs=inputs)
    return Scorer.open(hr.import_model(folder / "model", folder / "new"))


@pytest.mark.parametrize("marker", [-999, 0.0])
def test_a_number_that_means_missing_is_filled(marker: float, tmp_path: Path) -> None:
    """Only NaN has an exact form in ONNX: scikit-learn itself answers for an imputer of another marker."""
    model = made.fitted(make_pipeline(SimpleImputer(missing_values=marker), StandardScaler(), LogisticRegression()))
    rows = pd.DataFrame({"a": [marker, 3.0, marker], "b": [2.0, marker, marker]})
    scorer = imported(tmp_path, model)
    assert ask(scorer, *rows.to_dict(orient="records")) == pytest.approx(model.predict_proba(rows), abs=1e-12)


@pytest.mark.parametrize(
    ("steps", "unseen", "absent"),
    [
        ([OneHotEncoder()], "refused", "refused"),
        ([OrdinalEncoder()], "refused", "refused"),
        ([SimpleImputer(strategy="constant", fill_value="missing"), OneHotEncoder()], "refused", "refused"),
        ([SimpleImputer(strategy="most_frequent"), OneHotEncoder()], "refused", "scored"),
        ([OneHotEncoder(handle_unknown="ignore")], "scored", "scored"),
        ([SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")], "scored", "scored"),
    ],
)
def test_a_missing_text_is_not_an_empty_one(steps: list[Any], unseen: str, absent: str, tmp_path: Path) -> None:
    """An empty text is one that the encoder does not know; a missing one is filled, known, or refused."""
    model, _ = cities(*steps)
    scorer = imported(tmp_path, model, CITY)
    for text, expected in (("", unseen), ("paris", unseen), (None, absent)):
        row = {"age": 20.0, "city": text}
        asked = pd.DataFrame({"age": [20.0], "city": pd.Series([np.nan if text is None else text], dtype=object)})
        if expected == "refused":
            with pytest.raises(ValueError, match="unknown categories"):
                model.predict_proba(asked)
            with pytest.raises(InputError, match="city"):
                ask(scorer, row)
        else:
            assert ask(scorer, row) == pytest.approx(model.predict_proba(asked), abs=1e-9)


def test_an_empty_field_of_a_csv_is_missing(tmp_path: Path) -> None:
    """As pandas reads it; other marks, such as NA, are texts where the model's encoder knows them."""
    model, _ = cities(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"), texts=("rome", "NA", "NA")
    )
    scorer = imported(tmp_path, model, CITY)
    (tmp_path / "table.csv").write_text("age,city\n20,\n20,NA\n20,null\n")
    score_table(open_source(str(tmp_path / "table.csv")), scorer=scorer, output=tmp_path / "out.csv")
    asked = pd.DataFrame({"age": [20.0] * 3, "city": [np.nan, "NA", "null"]})
    found = pd.read_csv(tmp_path / "out.csv")["probability_true"]
    assert found.to_numpy() == pytest.approx(model.predict_proba(asked)[:, 1], abs=1e-9)


@pytest.mark.parametrize(
    ("text", "told"), [(" rome", "skipinitialspace=True"), ("oslo ", "str.strip"), ("", "a text of its own")]
)
def test_a_category_that_a_table_cannot_hold_is_refused(text: str, told: str, tmp_path: Path) -> None:
    """Tables are read with texts trimmed, requests are not: one of them would get another answer."""
    model, _ = cities(OneHotEncoder(handle_unknown="ignore"), texts=(text, "bonn", "lima"))
    with pytest.raises(InputError, match=f"categories of the column 'city' .*{told}"):
        imported(tmp_path, model, CITY)
    assert not (tmp_path / "new").exists()


@pytest.mark.filterwarnings("ignore:Skipping features")
def test_a_column_that_was_empty_is_left_out_as_by_the_original(tmp_path: Path) -> None:
    """An imputer drops it, and whatever it holds later."""
    frame = pd.DataFrame({"a": np.arange(10.0), "b": [np.nan] * 10})
    model = make_pipeline(SimpleImputer(), StandardScaler(), LinearRegression()).fit(frame, frame.a**2)
    scorer = imported(tmp_path, model)
    assert ask(scorer, {"a": 3.0, "b": 1.0}) == pytest.approx(model.predict(pd.DataFrame({"a": [3.0], "b": [1.0]})))


def test_whole_numbers_go_through_imputer_encoder_and_scaler(tmp_path: Path) -> None:
    """What has no exact form in ONNX is answered by scikit-learn, with the same numbers."""
    frame = pd.DataFrame({"a": np.arange(20.0), "kids": [0, 1, 2, 3] * 5})
    steps = make_pipeline(SimpleImputer(strategy="most_frequent"), OrdinalEncoder(), StandardScaler())
    encode = ColumnTransformer([("k", steps, ["kids"])], remainder="passthrough")
    model = make_pipeline(encode, LinearRegression()).fit(frame, frame.a * frame.kids)
    inputs = [made.SIGNATURE[0], {"type": "long", "name": "kids", "required": True}]
    scorer = imported(tmp_path, model, inputs)
    found = ask(scorer, *frame.head(4).to_dict(orient="records"))
    assert found == pytest.approx(model.predict(frame.head(4)))
