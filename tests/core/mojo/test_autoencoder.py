"""Tests of the network of an autoencoder, read from a MOJO that is made by hand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from headrace.core.base.errors import BundleError
from headrace.core.contracts.contract import Column, Contract
from headrace.core.inference.engine import OnnxEngine
from headrace.core.inference.explain import Explainer, explain_document
from headrace.core.models.fitted_model import Model
from headrace.core.models.h2o.mojo_anomaly_estimator import MojoAnomalyEstimator
from headrace.core.mojo import mojo_archive
from headrace.core.mojo.autoencoder import read_autoencoder
from headrace.core.mojo.mojo_description import MojoDescription, MojoInput
from headrace.core.onnx_export.export import convert
from headrace.core.onnx_export.graph import InexactError
from tests.core.mojo.made_mojo import archive

# The category "b" of the contract has no level: no training row had it.
DESCRIPTION = MojoDescription(
    "3.46.0.11", "deeplearning", "AutoEncoder", (MojoInput("plan", 1, (1, None, 0)), MojoInput("age", 0, None)), ()
)
CONTRACT = Contract(
    name="made",
    task="anomaly",
    columns=(Column("age", "number"), Column("plan", "string", categories=("a", "b", "c"), unseen="accept")),
)
FACTS = {
    "supervised": "false",
    "use_all_factor_levels": "true",
    "mean_imputation": "true",
    "activation": "Rectifier",
    "norm_mul": "[0.5]",
    "norm_sub": "[40.0]",
    "neural_network_sizes": "[4, 1, 4]",
    "weight_layer0": "[1.0, 2.0, 3.0, 0.1]",
    "bias_layer0": "[0.5]",
    "weight_layer1": "[0.25, 0.5, -1.0, 1.0]",
    "bias_layer1": "[0.0, 0.0, 0.0, 1.0]",
}
# Rows of age and plan: each level, the category without a level, an unlisted and a missing one.
MATRIX = np.array([[42.0, 0.0], [40.0, 2.0], [np.nan, 1.0], [38.0, -1.0], [44.0, np.nan]])


def mojo(**changes: str) -> bytes:
    """The archive of such a network."""
    info = {"h2o_version": "3.46.0.11", "algo": "deeplearning", "category": "AutoEncoder", **FACTS, **changes}
    lines = "".join(f"{name} = {value}\n" for name, value in info.items())
    ini = f"[info]\n{lines}\n[columns]\nplan\nage\n\n[domains]\n0: 2 d000.txt\n"
    return mojo_archive.normalize(archive({"model.ini": ini.encode()}))


def modelled(estimator: MojoAnomalyEstimator) -> Model:
    """A model whose last step is the estimator."""
    return Model(
        Pipeline([("prepare", "passthrough"), ("estimator", estimator)]), CONTRACT, "h2o_autoencoder", {}, 0, {}
    )


def reconstruct(age: float, unit: int) -> list[float]:
    """Errors of plan and age by the definition: the network's inputs are two levels, a missing value, and the age."""
    given = [1.0 if place == unit else 0.0 for place in range(3)] + [(age - 40) * 0.5]
    hidden = max(0.0, 1 * given[0] + 2 * given[1] + 3 * given[2] + float(np.float32(0.1)) * given[3] + 0.5)
    back = [max(0.0, weight * hidden + bias) for weight, bias in zip((0.25, 0.5, -1, 1), (0, 0, 0, 1), strict=True)]
    squares = [(one - other) ** 2 / 4 for one, other in zip(given, back, strict=True)]
    return [squares[3], sum(squares[:3])]


def test_each_column_adds_its_squared_error() -> None:
    """A missing number counts as the mean; a missing category and one without training rows have an input of their own.

    H2O 3.46.0.11 keeps weights as float32, and lets the activation follow the last layer too.
    """
    network = read_autoencoder(mojo(), DESCRIPTION)
    assert network is not None
    expected = [reconstruct(42, 1), reconstruct(40, 0), reconstruct(40, 2), reconstruct(38, 2), reconstruct(44, 2)]
    np.testing.assert_allclose(network.column_errors(MATRIX), expected, rtol=1e-15)


def test_its_errors_explain_the_score_without_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a server of its ONNX form does."""
    monkeypatch.setenv("PATH", str(tmp_path))
    model = modelled(MojoAnomalyEstimator(mojo(), DESCRIPTION))
    explained = Explainer(model, explain_document(model, MATRIX)).explain(MATRIX)
    assert (explained.scale, explained.base.tolist()) == ("score", [0.0])
    network: Any = model.pipeline[-1].network
    np.testing.assert_array_equal(explained.values[:, :, 0], network.column_errors(MATRIX))


@pytest.mark.parametrize("activation", ["Rectifier", "Tanh"])
def test_its_form_in_onnx_gives_the_sum(activation: str) -> None:
    """Without Java."""
    content = mojo(activation=activation)
    estimator = MojoAnomalyEstimator(content, DESCRIPTION)
    model = modelled(estimator)
    engine = OnnxEngine(convert(model), CONTRACT)
    network: Any = estimator.network
    np.testing.assert_allclose(engine(MATRIX), network.column_errors(MATRIX).sum(axis=1), rtol=1e-14)


def test_other_activations_are_left_to_java() -> None:
    """They have neither contributions nor a form in ONNX."""
    estimator = MojoAnomalyEstimator(mojo(activation="Maxout"), DESCRIPTION)
    assert estimator.network is None
    assert not hasattr(estimator, "explain_scores")
    model = modelled(estimator)
    with pytest.raises(InexactError, match="this activation is scored by Java"):
        convert(model)


def test_other_models_have_no_network() -> None:
    """The category of the description says what it is."""
    assert read_autoencoder(mojo(), replace(DESCRIPTION, category="AnomalyDetection")) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"weight_layer0": "[1.0]"},
        {"bias_layer1": "null"},
        {"norm_sub": "[]"},
        {"neural_network_sizes": "[5, 1, 5]"},
        {"neural_network_sizes": "four"},
        {"neural_network_sizes": "[4, 1, 2]", "weight_layer1": "[1, 2]", "bias_layer1": "[1, 2]"},
    ],
)
def test_numbers_of_another_network_are_refused(changes: dict[str, str]) -> None:
    """In a sentence, before anything is computed."""
    with pytest.raises(BundleError, match=r"model\.mojo must hold the numbers of its network"):
        read_autoencoder(mojo(**changes), DESCRIPTION)
