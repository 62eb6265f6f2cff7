"""The step of a rollout."""

import pytest

from headrace.core.base.errors import InputError
from headrace.steps.release.rollout import choose_endpoint


@pytest.mark.parametrize(
    ("name", "candidate", "endpoint"),
    [
        ("", f"s3://headrace/models/tips/{'a' * 64}/", "tips"),
        ("tips-eu", f"s3://headrace/models/tips/{'a' * 64}/", "tips-eu"),
    ],
)
def test_an_endpoint_is_called_like_its_model(name: str, candidate: str, endpoint: str) -> None:
    """A retraining of hours must not fail at its end for want of a name."""
    assert choose_endpoint(name, candidate) == endpoint


def test_an_address_that_names_no_model_is_refused() -> None:
    """Nothing is guessed from it."""
    with pytest.raises(InputError, match=r"must be s3://BUCKET/models/NAME/DIGEST/"):
        choose_endpoint("", "s3://headrace/models/tips")
