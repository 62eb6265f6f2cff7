"""Saves models with the real MLflow, and what they answer: ``log_models.py FOLDER``, in the environment of MLflow.

Each model is ``FOLDER/NAME``, and ``FOLDER/NAME.answers.json`` holds rows and the original's predictions for them.
"""

import json
import math
import sys
import warnings
from pathlib import Path
from typing import Any

import mlflow
import mlflow.onnx
import mlflow.pyfunc
import mlflow.sklearn
import mlflow.xgboost
import numpy as np
import pandas as pd
import skops.io
import xgboost
from mlflow.models import infer_signature
from skl2onnx import to_onnx
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

NUMBERS = ["age", "income", "kids"]
PLAIN = ["scikit-learn"]  # else MLflow loads each model in another process to see what it needs


def rows(count: int = 300) -> pd.DataFrame:
    """A table of four columns without a missing value."""
    draw = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": draw.integers(18, 80, count).astype(float),
            "income": draw.normal(3, 1, count),
            "city": draw.choice(["rome", "oslo", "bonn"], count),
            "kids": draw.integers(0, 4, count),
        }
    )


def gaps(frame: pd.DataFrame) -> pd.DataFrame:
    """The same with missing numbers and texts, and a text that no model has seen."""
    holes = frame.head(60).copy()
    holes.loc[::3, "age"] = np.nan
    holes.loc[::4, "income"] = np.nan
    holes["city"] = holes["city"].astype(object)
    holes.loc[::5, "city"] = np.nan
    holes.loc[1::7, "city"] = "paris"
    return holes


def save(
    folder: Path, name: str, model: Any, frame: pd.DataFrame, *, flavor: str, asked: pd.DataFrame, **more: Any
) -> None:
    """Save a model, and the answers of the one that MLflow loads again."""
    place = folder / name
    output = model.predict(frame) if hasattr(model, "predict") and not isinstance(model, xgboost.Booster) else None
    # MLflow hands a frame's column to a graph as (n,), and skl2onnx takes (n, 1): such a model is asked with arrays.
    columns = more.pop("columns", False)
    taken = _columns(asked) if columns else asked
    signature = more.pop("signature", None) or infer_signature(taken if columns else frame, output)
    if flavor == "sklearn":
        # MLflow asks to name what skops does not trust by itself: trees, and what their arrays are made of.
        more["skops_trusted_types"] = skops.io.get_untrusted_types(data=skops.io.dumps(model))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        getattr(mlflow, flavor).save_model(model, str(place), signature=signature, pip_requirements=PLAIN, **more)
    loaded = mlflow.pyfunc.load_model(str(place))
    predicted = loaded.predict(taken) if flavor != "xgboost" or not isinstance(model, xgboost.Booster) else None
    original = getattr(mlflow, flavor).load_model(str(place))
    answers: dict[str, Any] = {"rows": records(asked)}
    if hasattr(original, "predict_proba"):
        answers |= {"probabilities": original.predict_proba(asked).tolist(), "labels": [str(one) for one in predicted]}
    elif flavor == "onnx":
        named = {key: np.asarray(value) if not isinstance(value, list) else value for key, value in predicted.items()}
        answers |= _of_graph(named)
    elif isinstance(model, xgboost.Booster):
        found = np.asarray(loaded.predict(asked))
        answers |= {"probabilities" if found.ndim > 1 else "values": found.astype(float).tolist()}
    else:
        answers["values"] = np.asarray(predicted, dtype=float).tolist()
    (folder / f"{name}.answers.json").write_text(json.dumps(answers))


def _columns(frame: pd.DataFrame) -> dict[str, Any]:
    wide = {"age": "float32", "income": "float32", "city": object, "kids": "int64"}
    return {name: frame[name].to_numpy(dtype=wide[name]).reshape(-1, 1) for name in frame.columns}


def _of_graph(named: dict[str, Any]) -> dict[str, Any]:
    if "output_probability" in named:
        maps = named["output_probability"]
        return {
            "probabilities": [list(map(float, one.values())) for one in maps],
            "labels": [str(one) for one in named["output_label"]],
        }
    return {"values": np.asarray(next(iter(named.values())), dtype=float).reshape(-1).tolist()}


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON holds them."""
    return [
        {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in row.items()}
        for row in frame.to_dict(orient="records")
    ]


def beside_splits(model: xgboost.Booster, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows with numbers at the splits of the trees, and on both sides of them in float32 and float64."""
    splits = model.trees_to_dataframe().query("Feature != 'Leaf'").head(200)
    made = []
    for place, (feature, split) in enumerate(zip(splits["Feature"], splits["Split"], strict=True)):
        upper = np.float32(split)
        lower = np.nextafter(upper, np.float32(-np.inf))
        middle = (float(upper) + float(lower)) / 2
        for value in (float(upper), float(lower), middle, np.nextafter(middle, -np.inf), np.nextafter(middle, np.inf)):
            row = frame.iloc[place % len(frame)].astype(float)
            row[feature] = value
            made.append(row)
    return pd.DataFrame(made).reset_index(drop=True)


def save_sklearn(folder: Path) -> None:
    """Pipelines over data frames, and estimators alone."""
    table = rows()
    label = np.where(table.age / 80 + table.income / 5 + (table.city == "oslo") * 0.5 > 1.3, "yes", "no")
    number = (table.age * 2 + table.income**2).to_numpy()
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    texts = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    frame = Pipeline(
        [
            ("prepare", ColumnTransformer([("n", numbers, NUMBERS), ("c", texts, ["city"])])),
            ("model", LogisticRegression()),
        ]
    ).fit(table, label)
    asked = pd.concat([table.astype({"city": object}), gaps(table)], ignore_index=True)
    save(folder, "frame", frame, table, asked=asked, input_example=table.head(3), flavor="sklearn")
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    forest = make_pipeline(
        ColumnTransformer([("c", ordinal, ["city"])], remainder="passthrough"),
        RandomForestClassifier(n_estimators=8, random_state=0),
    ).fit(table, (label == "yes").astype(int))
    save(folder, "forest", forest, table, asked=table, flavor="sklearn")
    strict = make_pipeline(
        ColumnTransformer([("c", OneHotEncoder(), ["city", "kids"]), ("n", "passthrough", ["income"])]),
        LogisticRegression(),
    ).fit(table, label)
    save(folder, "strict", strict, table, asked=table, flavor="sklearn")
    boosted = HistGradientBoostingRegressor(max_iter=20).fit(table[NUMBERS], number)
    save(folder, "boosted", boosted, table[NUMBERS], asked=gaps(table)[NUMBERS], flavor="sklearn")
    three = np.digitize(number, np.quantile(number, [0.3, 0.6]))
    classes = HistGradientBoostingClassifier(max_iter=10).fit(table[NUMBERS], np.array(["low", "mid", "top"])[three])
    save(folder, "three", classes, table[NUMBERS], asked=gaps(table)[NUMBERS], flavor="sklearn")
    # Leaves with as many rows of one class as of the other: a tie, which scikit-learn gives to the first class.
    halves = pd.DataFrame({"a": [0.0, 0.0, 1.0, 1.0, 1.0]})
    tied = DecisionTreeClassifier(max_depth=1).fit(halves, [0, 1, 1, 1, 1])
    save(folder, "tied", tied, halves, asked=halves, flavor="sklearn")
    linear = make_pipeline(MinMaxScaler(), LinearRegression()).fit(table[NUMBERS], number)
    save(folder, "linear", linear, table[NUMBERS], asked=table[NUMBERS], flavor="sklearn")
    network = make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=30, random_state=0)).fit(
        table[NUMBERS], three
    )
    save(folder, "network", network, table[NUMBERS], asked=table[NUMBERS], flavor="sklearn")
    near = KNeighborsClassifier(algorithm="brute").fit(table[NUMBERS].to_numpy(), label)
    array = infer_signature(table[NUMBERS].to_numpy(dtype=float))
    save(folder, "array", near, table[NUMBERS], asked=table[NUMBERS], signature=array, flavor="sklearn")
    mlflow.sklearn.save_model(
        frame,
        str(folder / "pickled"),
        signature=infer_signature(table, label),
        serialization_format="cloudpickle",
        pip_requirements=PLAIN,
    )


def save_xgboost(folder: Path) -> None:
    """Classifiers, regressors and boosters, in UBJSON and JSON."""
    table = rows()[NUMBERS].astype(float)
    number = (table.age * 2 + table.income**2).to_numpy()
    label = (number > np.median(number)).astype(int)
    early = xgboost.XGBClassifier(n_estimators=60, max_depth=4, learning_rate=0.5, early_stopping_rounds=3)
    early.fit(table.iloc[:200], label[:200], eval_set=[(table.iloc[200:], label[200:])], verbose=False)
    assert early.best_iteration + 1 < early.get_booster().num_boosted_rounds()
    asked = pd.concat(
        [table, gaps(rows())[NUMBERS].astype(float), beside_splits(early.get_booster(), table)], ignore_index=True
    )
    save(folder, "early", early, table, asked=asked, flavor="xgboost", input_example=table.head(3))
    three = np.digitize(number, np.quantile(number, [0.3, 0.6]))
    booster = xgboost.train({"objective": "multi:softprob", "num_class": 3}, xgboost.DMatrix(table, label=three), 5)
    save(folder, "softprob", booster, table, asked=asked, flavor="xgboost", model_format="json")
    dart = xgboost.XGBRegressor(booster="dart", rate_drop=0.5, n_estimators=15, max_depth=3).fit(table, number)
    save(folder, "dart", dart, table, asked=asked, flavor="xgboost")
    poisson = xgboost.XGBRegressor(objective="count:poisson", n_estimators=10, max_depth=3).fit(table, number)
    save(folder, "poisson", poisson, table, asked=asked, flavor="xgboost", model_format="json")
    random = xgboost.XGBRFClassifier(n_estimators=10, max_depth=4).fit(table, label)
    save(folder, "random", random, table, asked=asked, flavor="xgboost")
    typed = rows()[["age", "city"]].astype({"city": "category"})
    sets = xgboost.XGBClassifier(n_estimators=3, enable_categorical=True).fit(typed, label)
    signature = infer_signature(table[["age", "kids"]])
    mlflow.xgboost.save_model(sets, str(folder / "sets"), signature=signature, pip_requirements=PLAIN)


def save_onnx(folder: Path) -> None:
    """Graphs that skl2onnx made: columns of their own with texts, and one matrix of float32."""
    table = rows()
    label = np.where(table.age / 80 + table.income / 5 > 1, "yes", "no")
    encode = ColumnTransformer(
        [("n", StandardScaler(), NUMBERS), ("c", OneHotEncoder(handle_unknown="ignore"), ["city"])]
    )
    frame = make_pipeline(encode, LogisticRegression()).fit(table, label)
    narrow = table.head(1).astype({"age": "float32", "income": "float32"})
    save(folder, "graph", to_onnx(frame, narrow), table, asked=table, flavor="onnx", columns=True)
    single = table[NUMBERS].to_numpy(dtype=np.float32)
    forest = RandomForestClassifier(n_estimators=10, random_state=0).fit(single, label)
    save(
        folder, "matrix", to_onnx(forest, single[:1]), table[NUMBERS], asked=table[NUMBERS], flavor="onnx",
        input_example=table[NUMBERS].head(4),
    )  # fmt: skip
    linear = make_pipeline(StandardScaler(), LinearRegression()).fit(single, table.age)
    save(folder, "value", to_onnx(linear, single[:1]), table[NUMBERS], asked=table[NUMBERS], flavor="onnx")


class Custom(mlflow.pyfunc.PythonModel):
    """A function of its own."""

    def predict(self, context: Any, model_input: Any) -> Any:
        """Return what came in."""
        return model_input


def main(folder: Path) -> None:
    """Save all of them."""
    folder.mkdir(parents=True)
    save_sklearn(folder)
    save_xgboost(folder)
    save_onnx(folder)
    mlflow.pyfunc.save_model(
        str(folder / "custom"), python_model=Custom(), signature=infer_signature(rows()), pip_requirements=PLAIN
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
