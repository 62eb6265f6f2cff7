"""The goal for pictures: scikit-learn's digits at an accuracy of 0.985, by the family's defaults."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from headrace.core.contracts.contract import Column
from headrace.core.features.matrix_layout import MatrixColumn
from headrace.core.models import families, fitted_model, fitting


@pytest.mark.exhaustive
def test_digits_reach_their_goal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On average over three splits, with the augmentation that an inferred contract has."""
    monkeypatch.setenv("HEADRACE_CHECKPOINTS", str(tmp_path / "checkpoints"))
    digits = load_digits()
    pixels = np.round(digits.images.reshape(len(digits.images), -1) * 255 / 16)
    column = Column("picture", "picture", height=8, width=8, channels=1, augment=("shift", "rotate"))
    columns = [MatrixColumn(f"picture[{place}]", part_of=column, place=place) for place in range(64)]
    accuracies = []
    for seed in (1, 2, 3):
        order = np.random.RandomState(seed).permutation(len(pixels))
        rows, target = pixels[order], digits.target[order].astype(np.int64)
        pipeline = families.family("cnn").build(columns, task="multiclass", parameters={}, seed=0)
        fitting.fit(pipeline, rows[:1437], target[:1437])
        found = fitted_model.predicted_probabilities(pipeline, rows[1437:], 10).argmax(axis=1)
        accuracies.append(float((found == target[1437:]).mean()))
    assert np.mean(accuracies) >= 0.985
