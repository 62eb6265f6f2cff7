#!/usr/bin/env bash
# scikit-learn 1.9.1, XGBoost 3.2.0 (xgboost-cpu), LightGBM 4.7.0, Python 3.11. Guess: a monotone constraint of boosted trees holds for every loss of a regression, or is refused.
# Seen: with the absolute error and with a quantile scikit-learn's HistGradientBoostingRegressor (monotonic_cst) and XGBoost (monotone_constraints) accept the constraint and break it:
# predictions fall by a third of their range and more where they must not fall at all. Both split by gradients under the constraint and then set each leaf anew to a quantile of its
# rows, which no bound holds. With squared error and with counts (Poisson) it holds to the last digit. LightGBM refuses the pair in words. Nothing is warned of.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check scikit-learn==1.9.1 xgboost-cpu==3.2.0 lightgbm==4.7.0 numpy==2.4.6
cat > "$folder/constraints.py" <<'PYTHON'
import sys
import warnings

import lightgbm
import numpy as np
import xgboost
from sklearn.ensemble import HistGradientBoostingRegressor

warnings.simplefilter("error")


def rows(seed):
    rng = np.random.default_rng(seed)
    x = rng.uniform(size=(400, 2))
    return x, np.abs(2 * np.sin(6 * x[:, 0]) + rng.standard_normal(400) * (0.2 + 3 * x[:, 1])) + 0.1


def scikit_learn(x, y, loss):
    given = {"quantile": 0.9} if loss == "quantile" else {}
    model = HistGradientBoostingRegressor(
        loss=loss, monotonic_cst=[1, 0], max_iter=50, min_samples_leaf=5, early_stopping=False, **given
    )
    return model.fit(x, y).predict


def boost(x, y, objective):
    given = {"quantile_alpha": 0.9} if "quantile" in objective else {}
    settings = {"objective": objective, "monotone_constraints": "(1,0)", "nthread": 1, **given}
    booster = xgboost.train(settings, xgboost.DMatrix(x, label=y), 50)
    return lambda matrix: booster.predict(xgboost.DMatrix(matrix))


def deepest_step(train, loss):
    """The largest fall along the constrained column, as a share of the range of the predictions."""
    found = 0.0
    for seed in range(3):
        x, y = rows(seed)
        predict = train(x, y, loss)
        line = np.linspace(0, 1, 200)
        for other in np.linspace(0, 1, 11):
            predicted = predict(np.column_stack([line, np.full_like(line, other)]))
            found = max(found, float(-np.diff(predicted).min() / np.ptp(predicted)))
    return found


as_seen = True
for train, losses in (
    (scikit_learn, {"squared_error": False, "poisson": False, "absolute_error": True, "quantile": True}),
    (boost, {"reg:squarederror": False, "count:poisson": False, "reg:absoluteerror": True, "reg:quantileerror": True}),
):
    for loss, breaks in losses.items():
        step = deepest_step(train, loss)
        print(f"{train.__name__} {loss}: falls by at most {step:.2f} of the range")
        as_seen &= step > 0.05 if breaks else step <= 1e-9
x, y = rows(0)
for objective in ("quantile", "regression_l1"):
    try:
        lightgbm.train({"objective": objective, "monotone_constraints": [1, 0], "verbosity": -1}, lightgbm.Dataset(x, y), 5)
    except lightgbm.basic.LightGBMError as error:
        print(f"lightgbm {objective}: {error}")
    else:
        as_seen = False
sys.exit(not as_seen)
PYTHON
"$folder/venv/bin/python" "$folder/constraints.py" || { echo "changed: constraints hold for quantiles, or the pair is refused"; exit 1; }
