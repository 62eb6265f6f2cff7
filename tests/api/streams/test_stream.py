"""Options of `hr.stream` that would be ignored are refused."""

import pytest

import headrace.api as hr


@pytest.mark.parametrize("options", [{"share": 0.5}, {"test": "summer"}])
def test_a_share_without_a_candidate_is_refused(options: dict[str, float | str]) -> None:
    """Before the model or a topic is opened."""
    with pytest.raises(hr.UserError, match="about the keys of a candidate"):
        hr.stream("nowhere", "topics/a", "topics/b", **options)  # type: ignore[arg-type]
