#!/usr/bin/env bash
# scikit-learn 1.9.1, Python 3.11. Guess: a fitted random forest holds trees and nothing of single training rows.
# Seen: fitted with sample_weight, it keeps the array of weights as _sample_weight, one number for each training row in their order, in memory, in a pickle and in a copy. With weights by
# class, as class balance is usually bought, that is the label of every training row; the file grows with the rows. class_weight="balanced" keeps such an array too; boosting keeps none.
# A forest draws bootstrap rows by the weights, and draws them again to find the rows that a tree has not seen.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check scikit-learn==1.9.1 numpy==2.4.6
cat > "$folder/forest.py" <<'PYTHON'
import pickle
import sys

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

rng = np.random.default_rng(0)
x = rng.normal(size=(20_000, 3))
y = (x[:, 0] + rng.normal(size=20_000) > 1.5).astype(int)
weights = np.where(y == 1, 9.0, 1.0)
plain = RandomForestClassifier(5, max_depth=3, random_state=0).fit(x, y)
weighted = RandomForestClassifier(5, max_depth=3, random_state=0).fit(x, y, sample_weight=weights)
balanced = RandomForestClassifier(5, max_depth=3, random_state=0, class_weight="balanced").fit(x, y)
boosted = HistGradientBoostingClassifier(max_iter=5, random_state=0).fit(x, y, sample_weight=weights)
again = pickle.loads(pickle.dumps(weighted))  # its own, in this process
labels = (again._sample_weight > 1).astype(int)
print("labels read from the weighted forest are equal:", np.array_equal(labels, y))
in_balanced = getattr(balanced, "_sample_weight", None)
print("kept with class_weight:", None if in_balanced is None else in_balanced.shape)
print("kept without weights:", getattr(plain, "_sample_weight", None))
print("bytes of the pickles, without and with weights:", len(pickle.dumps(plain)), len(pickle.dumps(weighted)))
kept = [name for name, value in vars(boosted).items() if np.shape(value) == y.shape]
print("kept by boosting:", kept)
as_seen = (
    np.array_equal(labels, y)
    and np.shape(in_balanced) == y.shape
    and getattr(plain, "_sample_weight", None) is None
    and not kept
    and len(pickle.dumps(weighted)) > len(pickle.dumps(plain)) + 100_000
)
sys.exit(not as_seen)
PYTHON
"$folder/venv/bin/python" "$folder/forest.py" || { echo "changed: a forest keeps other things of its training rows"; exit 1; }
