"""A cell of the quality benchmark by AutoGluon."""

import time
from pathlib import Path

from autogluon.tabular import TabularPredictor
from quality_cell import answer, asked, frames, rows_per_second, size_of

METRICS = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "r2"}

cell = asked()
inputs, target, test = frames(cell)
folder = Path(cell["folder"])
began = time.monotonic()
predictor = TabularPredictor(
    label=cell["target"],
    problem_type=cell["task"],
    eval_metric=METRICS[cell["task"]],
    path=str(folder / "model"),
    verbosity=0,
)
predictor.fit(
    inputs.assign(**{cell["target"]: target}),
    time_limit=cell["seconds"],
    presets={"medium": "medium_quality", "best": "best_quality"}[cell["preset"]],
    num_cpus=cell["cores"],
    num_gpus=0,
    dynamic_stacking=False,  # with 1.6.3 and without Ray it fails: "Learner is already fit"
    ag_args_fit={"random_seed": cell["seed"]} if cell["preset"] == "medium" else None,
)
seconds = time.monotonic() - began
predict = predictor.predict if cell["task"] == "regression" else predictor.predict_proba
found = predict(test)
deployed = predictor.clone_for_deployment(str(folder / "deployed"), return_clone=True)
deployed.persist()
alone = deployed.predict if cell["task"] == "regression" else deployed.predict_proba
answer(
    cell,
    seconds=seconds,
    classes=[] if cell["task"] == "regression" else [str(one) for one in found.columns],
    predictions=found.to_numpy().tolist(),
    rows_per_second=rows_per_second(lambda place: alone(test.iloc[place : place + 1]), len(test)),
    bytes=size_of(folder / "deployed"),
    model=str(predictor.model_best),
)
