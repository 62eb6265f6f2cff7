"""A cell of the quality benchmark by FLAML."""

import pickle
import time
from pathlib import Path

from flaml import AutoML
from quality_cell import answer, asked, frames, rows_per_second, size_of

METRICS = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "r2"}

cell = asked()
inputs, target, test = frames(cell)
began = time.monotonic()
model = AutoML()
model.fit(
    inputs,
    target,
    task="regression" if cell["task"] == "regression" else "classification",
    metric=METRICS[cell["task"]],
    time_budget=cell["seconds"],
    n_jobs=cell["cores"],
    seed=cell["seed"],
    verbose=0,
)
seconds = time.monotonic() - began
predict = model.predict if cell["task"] == "regression" else model.predict_proba
found = predict(test)
path = Path(cell["folder"]) / "model.pkl"
path.write_bytes(pickle.dumps(model))
answer(
    cell,
    seconds=seconds,
    classes=[] if cell["task"] == "regression" else [str(one) for one in model.classes_],
    predictions=found.tolist(),
    rows_per_second=rows_per_second(lambda place: predict(test.iloc[place : place + 1]), len(test)),
    bytes=size_of(path),
    model=str(model.best_estimator),
)
