"""Where the time of a small prediction goes: microseconds of each part, and requests a second by both ways.

    make bench NAME=serving_parts

Prints a table for people and, last, one line of JSON.
"""

import argparse
import json
import sys
import tempfile
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

import numpy as np
from serving_load import load
from serving_peers import SERVERS

from headrace.core.bundles.bundle import open_bundle
from headrace.core.features import model_matrix, row_features
from headrace.core.validation import records
from headrace.serving.model.limits import RequestLimits
from headrace.serving.model.served_model import ServedModel
from headrace.serving.protocols.codecs import V1, V2
from headrace.serving.telemetry import slots
from headrace.serving.telemetry.feature_histograms import FeatureHistograms
from headrace.serving.telemetry.shared_counters import CounterWriter, SharedCounters
from serving import made, started


def microseconds(work: Callable[[], Any], times: int = 3000) -> float:
    """The least time of a call in five measurements."""
    return min(timeit.repeat(work, number=times, repeat=5)) / times * 1e6


def parts(folder: Path) -> dict[str, float]:
    """Microseconds of each part of a request of one row."""
    row = np.random.default_rng(7).normal(size=12).round(4).tolist()
    body = json.dumps({"instances": [row]}).encode()
    tensor = {"name": "rows", "shape": [1, 12], "datatype": "FP64", "data": row}
    served, limits = ServedModel.open(folder), RequestLimits()
    model, contract = open_bundle(folder).model(), served.scorer.contract
    document, asked = V1.read(body, (), served, limits)
    texts = [[str(value) for value in row]]
    admitted, scored = served.encoder.encode_rows(asked), served.predict_validated(asked)
    recorder = CounterWriter(SharedCounters(1).slab(0))
    recorder.model(FeatureHistograms(contract, served.classes))

    def full_check() -> Any:
        typed = records.validate_records(records.table(asked, contract), contract)
        return model_matrix.encode(row_features.add(typed, contract), contract)

    def counted() -> None:
        recorder.answered(scored)
        recorder.ended("v1", 200, 0.001, flying=False)

    return {
        "read the request, V1": microseconds(lambda: V1.read(body, (), served, limits)),
        "read the request, V2": microseconds(
            lambda: V2.read(json.dumps({"inputs": [tensor]}).encode(), (), served, limits)
        ),
        "contract, quick check": microseconds(lambda: served.encoder.try_rows(asked)),
        "contract, quick check, numbers as texts": microseconds(lambda: served.encoder.try_rows(texts)),
        "contract, full check": microseconds(full_check, 100),
        "engine, ONNX Runtime": microseconds(lambda: served.scorer.scores(admitted.matrix)),
        "engine, scikit-learn": microseconds(lambda: model.pipeline.predict_proba(admitted.matrix), 50),
        "write the answer": microseconds(lambda: V1.write(served, scored, document, None)),
        f"count it ({slots.SLAB} numbers a worker)": microseconds(counted),
    }


def ways(model: Any, scratch: Path) -> dict[str, float]:
    """Requests a second at 16 connections by the short way and by the long one."""
    row = np.random.default_rng(7).normal(size=12).round(4).tolist()
    server = SERVERS[0]
    with started(server, model, scratch, scratch / "log") as (address, pid, _):
        url, body = address + server.path, {"instances": [row]}
        load(url, body, connections=16, seconds=2, pid=pid)
        found = {}
        for name, target, sent in (
            ("short way", url, body),
            ("long way", f"{url}?long", body),  # only a plain target takes the short way
            ("short way, numbers as texts", url, {"instances": [[str(value) for value in row]]}),
            ("long way, full check", url, {"instances": [[f"{value:+}" for value in row]]}),
        ):
            found[name] = load(target, sent, connections=16, seconds=3, pid=pid).requests_per_second
    return found


def main() -> None:
    """Measure the parts."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    told: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as scratch:
        for family in ("logistic", "hist_gradient_boosting"):
            model = made(family, Path(scratch))
            told[family] = {**parts(model.bundle), **ways(model, Path(scratch))}
    names = list(told["logistic"])
    print(f"\n  {'one row, microseconds; then requests a second':<48}" + "".join(f"{name:>24}" for name in told))
    for name in names:
        print(f"  {name:<48}" + "".join(f"{one[name]:>24,.1f}" for one in told.values()))
    rounded = {family: {name: round(value, 2) for name, value in one.items()} for family, one in told.items()}
    print(json.dumps({"benchmark": "serving_parts", "measured": rounded}))


if __name__ == "__main__":
    main()
