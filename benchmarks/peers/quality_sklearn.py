"""A cell of the quality benchmark by scikit-learn's boosted trees with their defaults."""

import pickle
import time
from pathlib import Path

from quality_cell import answer, asked, frames, rows_per_second, size_of
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

cell = asked()
inputs, target, test = frames(cell)
texts = [name for name in inputs if inputs[name].dtype == object]
for name in texts:
    kept = inputs[name].value_counts().index[:250]
    inputs[name] = inputs[name].astype(str).astype("category").cat.set_categories(sorted(map(str, kept)))
    test[name] = test[name].astype(str).astype(inputs[name].dtype)
began = time.monotonic()
kind = HistGradientBoostingRegressor if cell["task"] == "regression" else HistGradientBoostingClassifier
model = kind(random_state=cell["seed"]).fit(inputs, target)
seconds = time.monotonic() - began
predict = model.predict if cell["task"] == "regression" else model.predict_proba
path = Path(cell["folder"]) / "model.pkl"
path.write_bytes(pickle.dumps(model))
answer(
    cell,
    seconds=seconds,
    classes=[] if cell["task"] == "regression" else [str(one) for one in model.classes_],
    predictions=predict(test).tolist(),
    rows_per_second=rows_per_second(lambda place: predict(test.iloc[place : place + 1]), len(test)),
    bytes=size_of(path),
    model="hist_gradient_boosting",
)
