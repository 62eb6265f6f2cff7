#!/usr/bin/env bash
# lightgbm 4.7.0, numpy 2.4.6. Guess: a row goes left if its value is at most the threshold, and a NaN in a column that had none in training
# is handled as missing. Seen: a value of at most 1e-35 (as float32) in size counts as exactly 0 before it is compared; a split between
# negative numbers and 0 has -1e-35 as its threshold, and the row whose value equals it goes right, though the rule says left. And a NaN in a column without
# gaps in training is scored exactly as the number 0, whatever 0 means in that column.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check lightgbm==4.7.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import lightgbm
import numpy as np

def fit(column, target):
    data = lightgbm.Dataset(np.asarray(column, float).reshape(-1, 1), np.asarray(target, float))
    options = {"objective": "regression", "min_data_in_leaf": 1, "min_data_in_bin": 1, "verbosity": -1, "num_threads": 1}
    return lightgbm.train({**options, "learning_rate": 1.0, "boost_from_average": False, "lambda_l2": 0.0}, data, 1)

def predict(model, *values):
    return [round(one, 6) for one in model.predict(np.array(values, float).reshape(-1, 1)).tolist()]

gaps = fit(np.repeat([-2.0, 0.0, 2.0], 40), np.repeat([10.0, 20.0, 30.0], 40))
answers = predict(gaps, -2.0, 0.0, 2.0, np.nan)
print("trained without gaps: -2, 0, 2, NaN ->", answers)

negative = fit(np.concatenate([np.repeat([-1.0], 40), np.repeat([0.0], 40)]), np.repeat([1.0, 2.0], 40))
threshold = negative.dump_model()["tree_info"][0]["tree_structure"]["threshold"]
equal = predict(negative, threshold, np.nextafter(threshold, -1), -1.0, 0.0)
print(f"values -1 and 0 in training, threshold {threshold!r}: the threshold itself, the next below it, -1, 0 ->", equal)
same = answers == [10.0, 20.0, 30.0, 20.0] and -1.1e-35 < threshold < 0 and equal == [2.0, 1.0, 1.0, 2.0]
raise SystemExit(0 if same else "changed")
PYTHON
