"""Answers and how they are compared."""

from typing import Any

import numpy as np
import pytest

from headrace.core.base.errors import InternalError
from headrace.core.inference.prediction_json import describe_difference, to_json
from headrace.core.models.fitted_model import Prediction

EXPECTED = {"label": "yes", "probabilities": {"no": 0.25, "yes": 0.75}}


def test_probabilities_are_named_by_class() -> None:
    """A client need not know the order of the classes."""
    made = to_json(Prediction(labels=["yes"], probabilities=np.array([[0.25, 0.75]])), ("no", "yes"))
    assert made == [EXPECTED]
    assert to_json(Prediction(values=np.array([1.5, 2.0])), ()) == [{"value": 1.5}, {"value": 2.0}]


@pytest.mark.parametrize(
    "prediction",
    [
        Prediction(values=np.array([1.0, np.nan])),
        Prediction(values=np.array([np.inf])),
        Prediction(labels=["a"], probabilities=np.array([[np.nan, 0.5]])),
        Prediction(labels=["a"]),
        Prediction(),
    ],
)
def test_a_model_that_answers_nonsense_is_our_mistake(prediction: Prediction) -> None:
    """NaN never reaches a client as null."""
    with pytest.raises(InternalError):
        to_json(prediction, ("a", "b"))


@pytest.mark.parametrize(
    ("got", "says"),
    [
        (EXPECTED, ""),
        ({"label": "yes", "probabilities": {"no": 0.25000001, "yes": 0.75}}, ""),
        ({"label": "no", "probabilities": {"no": 0.25, "yes": 0.75}}, "label is 'no' instead of 'yes'"),
        ({"label": "yes", "probabilities": {"no": 0.26, "yes": 0.75}}, "probabilities[no] is 0.26 instead of 0.25"),
        ({"label": "yes", "probabilities": {"no": 0.25}}, "probabilities[yes] is absent"),
        ({"label": "yes"}, "probabilities[no] is absent"),
        ({**EXPECTED, "extra": 1}, "extra is not expected"),
        ({"label": "yes", "probabilities": {"no": float("nan"), "yes": 0.75}}, "probabilities[no] is nan"),
        (None, "label is absent"),
        ("yes", "label is absent"),
    ],
)
def test_differences_are_told(got: Any, says: str) -> None:
    """Within the tolerance nothing is told; beyond it, the place and both values."""
    told = describe_difference(EXPECTED, got, relative=1e-6, absolute=1e-9)
    assert told.startswith(says)
    assert bool(told) == bool(says)
