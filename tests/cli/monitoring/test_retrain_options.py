"""Options of ``headrace retrain`` that contradict one another."""

import pytest

from headrace.cli.main import app
from headrace.core.base.errors import InputError


@pytest.mark.parametrize("given", [["--platform", "kserve"], ["--steps", "50,100"], ["--tolerance", "errors=0.1"]])
def test_an_option_of_the_rollout_needs_one(given: list[str]) -> None:
    """It would be ignored in silence otherwise."""
    with pytest.raises(InputError, match=f"{given[0]} is about the rollout and means nothing with --no-rollout"):
        app(["retrain", "model", "store", "--no-rollout", *given], standalone_mode=False)
