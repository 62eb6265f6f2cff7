#!/usr/bin/env bash
# shap 0.51.0, scikit-learn 1.9.1, Python 3.11. Guess: as for every model, TreeExplainer's contributions and expected value add up to what the model says, here decision_function or
# score_samples of an IsolationForest.
# Seen: they add up to neither, but to the mean path length of the row in the trees, to the last digits: score_samples is -2 ** (-sum / c), with c the mean path length of as many rows
# as a tree has seen (10.2448 for 256). The sum is 3 where the score is -0.80 and the decision -0.30; contributions are steps of path, not of score; contamination changes nothing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check shap==0.51.0 scikit-learn==1.9.1 numpy==2.4.6
cat > "$folder/forest.py" <<'PYTHON'
import sys

import numpy as np
import shap
from sklearn.ensemble import IsolationForest

rng = np.random.default_rng(0)
rows = rng.normal(size=(500, 4))
rows[:5] += 6
mean_path = 2 * (np.log(255) + np.euler_gamma) - 2 * 255 / 256
as_seen = True
for given in ({}, {"max_features": 0.5}, {"contamination": 0.1}):
    forest = IsolationForest(n_estimators=100, random_state=0, **given).fit(rows)
    explainer = shap.TreeExplainer(forest)
    sums = explainer.shap_values(rows[:50]).sum(axis=1) + np.ravel(explainer.expected_value)[0]
    scores, decisions = forest.score_samples(rows[:50]), forest.decision_function(rows[:50])
    print(given, "sum", round(sums[0], 4), "score_samples", round(scores[0], 4), "decision_function", round(decisions[0], 4))
    as_seen &= bool(np.allclose(-(2.0 ** (-sums / mean_path)), scores, atol=1e-6))
    as_seen &= bool(np.abs(sums - scores).min() > 1 and np.abs(sums - decisions).min() > 1)
print("mean path length of 256 rows:", round(mean_path, 4))
sys.exit(not as_seen)
PYTHON
"$folder/venv/bin/python" "$folder/forest.py" || { echo "changed: the contributions add up to something else"; exit 1; }
