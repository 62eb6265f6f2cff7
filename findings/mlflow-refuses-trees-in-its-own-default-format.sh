#!/usr/bin/env bash
# mlflow 3.17.2, scikit-learn 1.9.1, skops 0.16.0. Guess: mlflow.sklearn.save_model with its own defaults stores any estimator of scikit-learn.
# Seen: its default format is skops, and it refuses what skops does not trust by itself: a decision tree, a random forest, gradient
# boosting, and a pipeline with SimpleImputer, each with a list of types that the caller must name; a linear model and a scaler are stored.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mlflow==3.17.2 scikit-learn==1.9.1 skops==0.16.0
cd "$folder"
MLFLOW_DISABLE_TELEMETRY=true "$folder/venv/bin/python" -W ignore - 2>log <<'PYTHON'
import mlflow.sklearn
import numpy as np
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

draw = np.random.default_rng(1)
x = draw.normal(size=(80, 3))
y = (x[:, 0] > 0).astype(int)
models = {
    "scaler, logistic": make_pipeline(StandardScaler(), LogisticRegression()),
    "imputer, logistic": make_pipeline(SimpleImputer(), LogisticRegression()),
    "tree": DecisionTreeClassifier(),
    "forest": RandomForestClassifier(n_estimators=3),
    "boosting": GradientBoostingClassifier(n_estimators=3),
    "histogram boosting": HistGradientBoostingClassifier(max_iter=3),
}
seen = {}
for place, (name, model) in enumerate(models.items()):
    try:
        mlflow.sklearn.save_model(model.fit(x, y), f"model{place}")
        seen[name] = "stored"
    except mlflow.exceptions.MlflowException as error:
        seen[name] = "refused" if "untrusted" in str(error) else f"another error: {error}"
    print(f"{name:20} {seen[name]}", flush=True)
expected = {name: "stored" if name == "scaler, logistic" else "refused" for name in models}
raise SystemExit(0 if seen == expected else f"changed: {seen}")
PYTHON
