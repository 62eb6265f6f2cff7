"""Fits small models with a real H2O, and writes their MOJOs with H2O's own predictions; runs in H2O's environment.

    python make_mojos.py FOLDER PORT

H2O 3.46.0.11: an enum column that is uploaded from Python with None gets the level "" for it; a file with
``na_strings`` does not.
"""

import csv
import json
import random
import sys
from pathlib import Path
from typing import Any

import h2o
from h2o import estimators

COLUMNS = {"age": "numeric", "wide": "numeric", "code": "enum", "city": "enum"}
TARGETS = {"churn": "enum", "grade": "enum", "value": "numeric"}
CODES = ["007", "7", "basic"]
CITIES = [f"c{place:02d}" for place in range(20)]
ROWS = 600
FEW = {"ntrees": 12, "seed": 1}
NETWORK = {"epochs": 2, "seed": 1, "reproducible": True}
FOLDS = {"nfolds": 3, "fold_assignment": "modulo", "keep_cross_validation_predictions": True}


def rows(count: int, seed: int, *, unseen: bool = False) -> list[dict[str, Any]]:
    """Rows with missing values and whole numbers near 2**53; some with categories that no other table has."""
    draw = random.Random(seed)  # noqa: S311 - rows, no secret
    made = []
    for _ in range(count):
        age = None if draw.random() < 0.1 else draw.uniform(18, 90)
        code = None if draw.random() < 0.1 else draw.choice(CODES)
        city = "elsewhere" if unseen and draw.random() < 0.1 else draw.choice(CITIES)
        wide = 2**53 - draw.randrange(1_000_000)
        value = (age or 50) / 30 + {"007": -1, "7": 1}.get(code, 0) + draw.gauss(0, 0.7) - 1.6
        grade = "abc"[min(2, max(0, int(value + 1.5)))]
        churn = "yes" if value > 0 else "no"
        made.append(
            {"age": age, "wide": wide, "code": code, "city": city, "churn": churn, "grade": grade, "value": value}
        )
    return made


def upload(table: list[dict[str, Any]], path: Path) -> Any:
    """A frame of rows, with types of its own."""
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
        writer.writerow(table[0])
        writer.writerows([["NA" if value is None else value for value in row.values()] for row in table])
    return h2o.import_file(str(path), col_types=COLUMNS | TARGETS, na_strings=["NA"], header=1)


def main(folder: Path) -> None:
    """Fit, predict, write."""
    h2o.init(start_h2o=True, port=int(sys.argv[2]), nthreads=2, max_mem_size="1G", bind_to_localhost=True)
    h2o.no_progress()
    table, asked = rows(ROWS, 1), rows(200, 2, unseen=True)
    frame, unseen = upload(table, folder / "table.csv"), upload(asked, folder / "asked.csv")
    base = [
        estimators.H2OGradientBoostingEstimator(ntrees=5, seed=1, **FOLDS),
        estimators.H2ODeepLearningEstimator(hidden=[4], **NETWORK, **FOLDS),
        estimators.H2OGeneralizedLinearEstimator(family="binomial", seed=1, **FOLDS),
    ]
    for one in base:
        one.train(x=list(COLUMNS), y="churn", training_frame=frame)
    fits = {
        "gbm_binomial": (estimators.H2OGradientBoostingEstimator(**FEW), "churn"),
        "gbm_multinomial": (estimators.H2OGradientBoostingEstimator(**FEW), "grade"),
        "gbm_regression": (estimators.H2OGradientBoostingEstimator(**FEW), "value"),
        "drf_binomial": (estimators.H2ORandomForestEstimator(**FEW), "churn"),
        "glm_binomial": (estimators.H2OGeneralizedLinearEstimator(family="binomial", seed=1), "churn"),
        "glm_multinomial": (estimators.H2OGeneralizedLinearEstimator(family="multinomial", seed=1), "grade"),
        "deeplearning_binomial": (estimators.H2ODeepLearningEstimator(hidden=[8], **NETWORK), "churn"),
        "deeplearning_autoencoder": (estimators.H2OAutoEncoderEstimator(hidden=[3], **NETWORK), None),
        "isolationforest": (estimators.H2OIsolationForestEstimator(**FEW), None),
        "xgboost_binomial": (estimators.H2OXGBoostEstimator(**FEW), "churn"),
        "stackedensemble_binomial": (estimators.H2OStackedEnsembleEstimator(base_models=base), "churn"),
    }
    facts = {}
    for name, (model, target) in fits.items():
        model.train(x=list(COLUMNS), y=target, training_frame=frame)
        model.download_mojo(path=str(folder / f"{name}.zip"))
        output = model._model_json["output"]
        scored = model.anomaly(unseen) if name == "deeplearning_autoencoder" else model.predict(unseen)
        facts[name] = {
            "columns": output["names"],
            "domains": output["domains"],
            "category": output["model_category"],
            "algorithm": model.algo,
            "predicted": scored.as_data_frame(use_pandas=False),
        }
    facts["rows"] = asked
    (folder / "facts.json").write_text(json.dumps(facts))
    h2o.cluster().shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
