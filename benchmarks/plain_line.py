"""The peer of the line: a plain script that does the same steps in one process, with the same libraries.

Usage: plain_line.py TABLE TARGET FOLDER. Only the object store and the model server are processes of their own, as they
are for Headrace. Prints one line of JSON with the seconds of each step.
"""

import base64
import hashlib
import io
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

BEGAN = time.perf_counter()

import numpy as np  # noqa: E402 - imports are part of what is timed
import optuna  # noqa: E402
import polars as pl  # noqa: E402
import skops.io  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from minio import Minio  # noqa: E402
from sklearn.compose import ColumnTransformer  # noqa: E402
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier  # noqa: E402
from sklearn.impute import SimpleImputer  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.metrics import brier_score_loss, confusion_matrix, log_loss, roc_auc_score, roc_curve  # noqa: E402
from sklearn.model_selection import StratifiedKFold  # noqa: E402
from sklearn.pipeline import Pipeline, make_pipeline  # noqa: E402
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler  # noqa: E402
from threadpoolctl import ThreadpoolController  # noqa: E402

SEARCH_ROWS, FOLDS, TRIALS, RESAMPLES, CASES = 10_000, 3, 4, 1000, 20
SERVER = """
import json, sys
folder, port = sys.argv[1], sys.argv[2]
sys.argv = ["server", "--http_port", port, "--enable_grpc", "false", "--configure_logging", "false"]
import kserve, numpy as np, skops.io

class Model(kserve.Model):
    def load(self):
        path = folder + "/model.skops"
        self.model = skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
        self.ready = True

    async def predict(self, payload, headers=None, response_headers=None):
        rows = np.array(payload["instances"], dtype=float)
        return {"predictions": self.model.predict_proba(rows).tolist()}

if __name__ == "__main__":
    model = Model("plain")
    model.load()
    kserve.ModelServer().start([model])
"""


class Clock:
    """Seconds by step."""

    def __init__(self) -> None:
        """Count the imports first."""
        self.seconds = {"imports": time.perf_counter() - BEGAN}

    def __call__(self, name: str, work: Callable[..., Any], *arguments: Any) -> Any:
        """Do one step and note its time."""
        began = time.perf_counter()
        result = work(*arguments)
        self.seconds[name] = time.perf_counter() - began
        return result


def checks(frame: pl.DataFrame, target: str) -> dict[str, Any]:
    """Missing values, ranges, categories, duplicates, constants, and how much each column tells of the target alone."""
    sample = frame.sample(min(len(frame), SEARCH_ROWS), seed=0)
    labels = sample[target] == sample[target].max()
    alone = {}
    for name in frame.columns:
        if name != target and frame[name].dtype.is_numeric():
            values = sample[name].fill_null(0).to_numpy()
            alone[name] = float(roc_auc_score(labels.to_numpy(), values))
    return {
        "missing": frame.null_count().row(0),
        "ranges": [frame.min().row(0), frame.max().row(0)],
        "distinct": frame.select(pl.all().n_unique()).row(0),
        "duplicates": int(frame.is_duplicated().sum()),
        "alone": alone,
    }


def picture(figure: Figure) -> str:
    """A figure as an inline image."""
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=80)
    return f'<img src="data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}">'


def profile(frame: pl.DataFrame, target: str, path: Path) -> None:
    """A page with the distribution of each column, the target by each column, and the correlations."""
    images = []
    sample = frame.sample(min(len(frame), SEARCH_ROWS), seed=0)
    rate = (pl.col(target) == frame[target].max()).mean()
    for name in frame.columns:
        figure = Figure(figsize=(5, 2))
        left, right = figure.subplots(1, 2)
        if frame[name].dtype.is_numeric():
            left.hist(frame[name].drop_nulls().to_numpy(), bins=30)
            bins = sample.with_columns((pl.col(name).rank() * 8 // pl.len()).alias("bin"))
            table = bins.group_by("bin").agg(rate.alias("rate")).drop_nulls().sort("bin")
        else:
            counts = frame[name].value_counts(sort=True).head(10)
            left.bar(counts[name].cast(str).to_list(), counts["count"].to_list())
            table = sample.group_by(pl.col(name).cast(str).alias("bin")).agg(rate.alias("rate")).drop_nulls()
        right.plot(range(len(table)), table["rate"].to_list())
        images.append(picture(figure))
    numbers = frame.select(pl.selectors.numeric()).fill_null(0)
    heat = Figure(figsize=(6, 6))
    heat.subplots().imshow(np.corrcoef(numbers.to_numpy().T))
    images.append(picture(heat))
    path.write_text("<html>" + "".join(images) + "</html>")


def encode(frame: pl.DataFrame, target: str) -> tuple[np.ndarray, list[int], list[int]]:
    """The matrix, and which columns are numbers and which are categories."""
    columns = [name for name in frame.columns if name != target]
    categories = [i for i, name in enumerate(columns) if not frame[name].dtype.is_numeric()]
    numbers = [i for i in range(len(columns)) if i not in categories]
    coded = [
        pl.col(name).cast(pl.Enum(frame[name].drop_nulls().unique().sort())).to_physical().cast(float)
        if i in categories
        else pl.col(name).cast(float)
        for i, name in enumerate(columns)
    ]
    matrix = frame.select(coded).with_columns(pl.all().fill_null(float("nan"))).to_numpy()
    return np.ascontiguousarray(matrix), numbers, categories


def build(family: str, numbers: list[int], categories: list[int], parameters: dict[str, Any]) -> Pipeline:
    """The unfitted pipeline of a family."""
    nan = float("nan")
    if family == "logistic":
        scaled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
        parts = [("n", scaled, numbers), ("c", OneHotEncoder(handle_unknown="ignore"), categories)]
        return make_pipeline(ColumnTransformer(parts), LogisticRegression(max_iter=300, **parameters))
    if family == "forest":
        ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2)
        parts = [("n", SimpleImputer(strategy="median"), numbers), ("c", ordinal, categories)]
        forest = RandomForestClassifier(n_estimators=100, random_state=0, **parameters)
        return make_pipeline(ColumnTransformer(parts), forest)
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=nan, encoded_missing_value=nan)
    parts = [("n", "passthrough", numbers), ("c", ordinal, categories)]
    boosting = HistGradientBoostingClassifier(early_stopping=False, random_state=0, **parameters)
    return make_pipeline(ColumnTransformer(parts), boosting)


def fit(model: Pipeline, matrix: np.ndarray, labels: np.ndarray) -> Pipeline:
    """Fit on all cores."""
    if isinstance(model[-1], RandomForestClassifier):
        model[-1].set_params(n_jobs=-1, max_samples=min(10_000, len(labels)))
    return model.fit(matrix, labels)


def suggest(family: str, trial: optuna.Trial) -> dict[str, Any]:
    """The same search spaces as Headrace's Experiments."""
    if family == "logistic":
        return {"C": trial.suggest_float("C", 0.001, 100, log=True)}
    if family == "forest":
        return {
            "max_depth": trial.suggest_int("max_depth", 4, 16),
            "min_samples_leaf": trial.suggest_int("min_samples_leaf", 1, 20, log=True),
            "max_features": trial.suggest_float("max_features", 0.1, 0.4),
        }
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.03, 0.3, log=True),
        "max_leaf_nodes": trial.suggest_int("max_leaf_nodes", 7, 63, log=True),
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 5, 60, log=True),
        "l2_regularization": trial.suggest_float("l2_regularization", 0.001, 10, log=True),
    }


DEFAULTS: dict[str, dict[str, Any]] = {
    "logistic": {},
    "forest": {"max_depth": 12, "min_samples_leaf": 2, "max_features": 0.3},
    "boosting": {},
}


def tune(
    matrix: np.ndarray, labels: np.ndarray, numbers: list[int], categories: list[int]
) -> tuple[str, dict[str, Any]]:
    """The best family and parameters of a cross-validated search, folds side by side."""
    rows = np.random.default_rng(0).choice(len(matrix), min(SEARCH_ROWS, len(matrix)), replace=False)
    part, known = matrix[rows], labels[rows]
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(part, known))
    controller = ThreadpoolController()

    def score(family: str, parameters: dict[str, Any]) -> float:
        def one(fold: tuple[np.ndarray, np.ndarray]) -> float:
            with controller.limit(limits=1, user_api="openmp"):
                model = build(family, numbers, categories, parameters).fit(part[fold[0]], known[fold[0]])
                return float(roc_auc_score(known[fold[1]], model.predict_proba(part[fold[1]])[:, 1]))

        with controller.limit(limits=1, user_api="blas"), ThreadPoolExecutor(os.cpu_count()) as pool:
            return float(np.mean(list(pool.map(one, folds))))

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    tried = []
    for family in ("logistic", "forest", "boosting"):
        study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
        tried.append((score(family, DEFAULTS[family]), family, DEFAULTS[family]))
        for _ in range(TRIALS - 1):
            trial = study.ask()
            parameters = suggest(family, trial)
            value = score(family, parameters)
            study.tell(trial, value)
            tried.append((value, family, parameters))
    _, family, parameters = max(tried, key=lambda one: one[0])
    return family, parameters


def auc(labels: np.ndarray, weights: np.ndarray, order: np.ndarray) -> float:
    """Area under the curve of weighted rows in the order of their scores."""
    positive = weights[order] * labels[order]
    negative = weights[order] - positive
    return float((positive * (np.cumsum(negative) - negative / 2)).sum() / (positive.sum() * negative.sum()))


def evaluate(model: Pipeline, matrix: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Metrics, each with a bootstrap interval, curves and the confusion matrix."""
    scores = model.predict_proba(matrix)[:, 1]
    told = scores >= 0.5
    order, rng, n = np.argsort(scores), np.random.default_rng(0), len(labels)
    losses = -np.log(np.where(labels, scores, 1 - scores).clip(1e-15))
    squares = (scores - labels) ** 2
    found: dict[str, list[float]] = {}
    for _ in range(RESAMPLES):
        weights = np.bincount(rng.integers(0, n, n), minlength=n).astype(float)
        hit = float((weights * (told & labels)).sum())
        values = {
            "accuracy": float((weights * (told == labels)).sum() / n),
            "precision": hit / max(float((weights * told).sum()), 1.0),
            "recall": hit / max(float((weights * labels).sum()), 1.0),
            "roc_auc": auc(labels, weights, order),
            "log_loss": float((weights * losses).sum() / n),
            "brier": float((weights * squares).sum() / n),
        }
        for name, value in values.items():
            found.setdefault(name, []).append(value)
    return {
        "metrics": {name: np.percentile(values, [2.5, 97.5]).tolist() for name, values in found.items()},
        "roc_auc": float(roc_auc_score(labels, scores)),
        "log_loss": float(log_loss(labels, scores)),
        "brier": float(brier_score_loss(labels, scores)),
        "confusion": confusion_matrix(labels, told).tolist(),
        "roc": [part[:200].tolist() for part in roc_curve(labels, scores)[:2]],
    }


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def publish(folder: Path) -> subprocess.Popen[bytes]:
    """Start an object store and put the model's files into it."""
    (folder / "store" / "models").mkdir(parents=True)
    key, secret, port = secrets.token_hex(8), secrets.token_hex(16), free_port()
    store = subprocess.Popen(
        ["rclone", "serve", "s3", "--addr", f"127.0.0.1:{port}", str(folder / "store")],
        env={**os.environ, "RCLONE_AUTH_KEY": f'"{key},{secret}"'},
        stderr=subprocess.DEVNULL,
    )
    client = Minio(f"127.0.0.1:{port}", access_key=key, secret_key=secret, secure=False, region="us-east-1")
    until(lambda: socket.create_connection(("127.0.0.1", port), 5).close())
    for path in sorted((folder / "bundle").iterdir()):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        client.fput_object("models", f"plain/{digest}/{path.name}", str(path))
        client.stat_object("models", f"plain/{digest}/{path.name}")
    return store


def until(ready: Callable[[], Any], seconds: float = 60) -> None:
    """Wait for a server."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            ready()
        except (OSError, urllib.error.URLError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def deploy(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start a model server and wait until it is ready."""
    port = free_port()
    (folder / "server.py").write_text(SERVER)
    server = subprocess.Popen(
        [sys.executable, str(folder / "server.py"), str(folder / "bundle"), str(port)],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    until(lambda: urllib.request.urlopen(f"{url}/v2/health/ready", timeout=5).read())
    return server, url


def verify(url: str, model: Pipeline, rows: np.ndarray) -> int:
    """Ask the server for some rows and compare with the model."""
    for row in rows:
        body = json.dumps({"instances": [[float(np.nan_to_num(value)) for value in row]]}).encode()
        request = urllib.request.Request(f"{url}/v1/models/plain:predict", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            told = json.load(answer)["predictions"][0]
        np.testing.assert_allclose(told, model.predict_proba(np.nan_to_num(row)[None])[0], atol=1e-9)
    return len(rows)


def report(evaluation: dict[str, Any], folder: Path) -> None:
    """A page with the curves and the metrics."""
    figure = Figure(figsize=(8, 4))
    left, right = figure.subplots(1, 2)
    left.plot(*evaluation["roc"])
    right.barh(list(evaluation["metrics"]), [high for _, high in evaluation["metrics"].values()])
    (folder / "report.html").write_text(f"<html>{picture(figure)}<pre>{json.dumps(evaluation, indent=1)}</pre></html>")


def main() -> None:
    """Do all steps and print their seconds."""
    table, target, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    (folder / "bundle").mkdir(parents=True)
    clock = Clock()
    frame = clock("ingest", lambda: pl.read_csv(table, infer_schema_length=None, null_values=["", "NA"]))
    clock("ingest_write", lambda: frame.write_parquet(folder / "table.parquet"))
    found = clock("validate", checks, frame, target)
    clock("profile", profile, frame, target, folder / "profile.html")
    matrix, numbers, categories = clock("engineer", encode, frame, target)
    labels = (frame[target] == frame[target].max()).to_numpy()
    test = clock("split", lambda: frame.hash_rows(0).to_numpy() < np.uint64(0.2 * 2**64))
    frame.filter(~test).write_parquet(folder / "train.parquet")
    frame.filter(test).write_parquet(folder / "test.parquet")
    family, parameters = clock("tune", tune, matrix[~test], labels[~test], numbers, categories)
    model = clock("train", lambda: fit(build(family, numbers, categories, parameters), matrix[~test], labels[~test]))
    evaluation = clock("evaluate", evaluate, model, matrix[test], labels[test])
    clock("package", lambda: skops.io.dump(model, folder / "bundle" / "model.skops"))
    (folder / "bundle" / "metrics.json").write_text(json.dumps({"checks": str(found), **evaluation}))
    store = clock("publish", publish, folder)
    server, url = clock("deploy", deploy, folder)
    try:
        clock("verify_endpoint", verify, url, model, matrix[test][:CASES])
    finally:
        server.terminate()
        server.wait(30)
        store.terminate()
        store.wait(30)
    clock("report", report, evaluation, folder)
    print(json.dumps({"family": family, "roc_auc": evaluation["roc_auc"], "seconds": clock.seconds}))


if __name__ == "__main__":
    main()
