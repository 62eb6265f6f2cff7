"""Tests of the description of a MOJO."""

import json

import pytest

from headrace.core.base.errors import BundleError, InputError
from headrace.core.mojo.mojo_description import MojoDescription, MojoInput

_INPUTS = (MojoInput("age", 1, None), MojoInput("town", 0, (1, None, 0)))
_DESCRIPTION = MojoDescription("3.46.0.11", "gbm", "Binomial", _INPUTS, (1, 0))


def test_what_is_written_is_read_back() -> None:
    """A description is the same after a way through JSON."""
    assert MojoDescription.from_json(json.loads(json.dumps(_DESCRIPTION.as_json()))) == _DESCRIPTION


def test_a_field_of_another_type_is_named() -> None:
    """What is no description is refused in one sentence that names the field."""
    with pytest.raises(InputError, match=r"mojo\.json must be one that Headrace wrote.*category"):
        MojoDescription.from_json({**_DESCRIPTION.as_json(), "category": "Clustering"})


@pytest.mark.parametrize(
    ("columns", "categories", "classes"),
    [(1, (3,), 2), (2, (2, 0), 2), (2, (3, 1), 2), (2, (3, 0), 3), (2, (3, 0), 0)],
)
def test_a_description_of_another_model_is_refused(columns: int, categories: tuple[int, ...], classes: int) -> None:
    """Columns, categories and classes must be those of the contract."""
    _DESCRIPTION.check(columns=2, categories=(3, 0), classes=2)
    with pytest.raises(BundleError, match=r"mojo\.json must describe the model of its contract"):
        _DESCRIPTION.check(columns=columns, categories=categories, classes=classes)


def test_two_categories_in_one_level_are_refused() -> None:
    """Levels are places in the MOJO's domain, each once."""
    doubled = MojoDescription("3.46.0.11", "gbm", "Binomial", (MojoInput("town", 0, (1, 1)),), (0, 1))
    with pytest.raises(BundleError, match="other levels"):
        doubled.check(columns=1, categories=(2,), classes=2)
