"""Thresholds and documents of XGBoost."""

import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headrace.core.base.errors import InputError
from headrace.model_import.xgboost.booster import last_left, read_booster
from headrace.model_import.xgboost.ubjson import read_ubjson
from tests.model_import import made_models as made

_SINGLES = st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-(2.0**99), max_value=2.0**99)


@given(_SINGLES, st.floats(allow_nan=False, allow_infinity=False, min_value=-1e30, max_value=1e30))
@example(0.5, 0.49999999999999994)
@example(0.0, -1e-300)
@example(1.0, 0.9999999701976776)  # the middle of 1 and the float32 before it
def test_a_number_goes_left_where_it_is_below_in_float32(threshold: float, value: float) -> None:
    """The threshold in float64 sends each number where XGBoost sends it, which rounds it to float32 first."""
    limit = last_left(np.array([threshold], dtype=np.float32))[0]
    for one in (value, threshold, limit, float(np.nextafter(limit, np.inf)), float(np.nextafter(limit, -np.inf))):
        assert (np.float32(one) < np.float32(threshold)) == (one <= limit)


def ubjson(value: Any) -> bytes:
    """A document as XGBoost writes it: objects without a count, arrays of one type with one."""
    if isinstance(value, dict):
        inner = b"".join(b"L" + struct.pack(">q", len(key)) + key.encode() + ubjson(one) for key, one in value.items())
        return b"{" + inner + b"}"
    if isinstance(value, list) and value and all(type(one) is float for one in value):
        return b"[$d#L" + struct.pack(">q", len(value)) + struct.pack(f">{len(value)}f", *value)
    if isinstance(value, list) and value and all(type(one) is int for one in value):
        return b"[$l#L" + struct.pack(">q", len(value)) + struct.pack(f">{len(value)}i", *value)
    if isinstance(value, list):
        return b"[#L" + struct.pack(">q", len(value)) + b"".join(map(ubjson, value))
    if isinstance(value, str):
        return b"SL" + struct.pack(">q", len(value)) + value.encode()
    return b"l" + struct.pack(">i", value)


def test_both_forms_are_the_same_model() -> None:
    """JSON and UBJSON give equal trees."""
    document = made.booster()
    one = read_booster(json.loads(json.dumps(document)), "model.json", best_only=False)
    other = read_booster(read_ubjson(ubjson(document), "model.ubj"), "model.ubj", best_only=False)
    assert (one.margins, one.link, one.width, one.names) == (other.margins, other.link, other.width, other.names)
    for (tree, place), (same, again) in zip(one.trees, other.trees, strict=True):
        assert place == again
        assert all(np.array_equal(getattr(tree, name), getattr(same, name)) for name in vars(tree))


@given(st.binary(max_size=60))
@example(b"{" * 60)
@example(b"[$d#L\x7f" + b"\xff" * 7)
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    """Neither an endless loop nor more memory than the file could fill."""
    try:
        read_ubjson(content, "model.ubj")
    except InputError as error:
        assert "must be a model of XGBoost in UBJSON" in str(error)


def test_rounds_after_the_best_are_left_out() -> None:
    """As XGBoost's classes for scikit-learn do after an early stop; a Booster takes all of them."""
    document = made.booster()
    model = document["learner"]["gradient_booster"]["model"]
    model["trees"], model["tree_info"], model["iteration_indptr"] = model["trees"] * 3, [0, 0, 0], [0, 1, 2, 3]
    document["learner"]["attributes"] = {"best_iteration": "1"}
    assert len(read_booster(document, "model.json", best_only=True).trees) == 2
    assert len(read_booster(document, "model.json", best_only=False).trees) == 3


def test_a_base_score_is_a_prediction() -> None:
    """A probability of 0.75 is a margin of its log-odds, a scalar and a list alike."""
    document = made.booster()
    for stored in ("7.5E-1", "[7.5E-1]"):
        document["learner"]["learner_model_param"]["base_score"] = stored
        (margin,) = read_booster(document, "model.json", best_only=False).margins
        assert margin == pytest.approx(np.log(3))
