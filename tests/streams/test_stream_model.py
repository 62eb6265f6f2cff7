"""The version that answers."""

import pytest

from headrace.core.base.errors import InputError, StoreError
from headrace.streams.stream_model import KeyDivision, ModelWatch, StreamModel
from tests.streams.made_streams import stream_model


def test_a_new_version_takes_over_and_one_that_fails_does_not(caplog: pytest.LogCaptureFixture) -> None:
    """The old one stays as long as the registry is down or the bundle is refused; it is said once."""
    places = [("/2.0.0", "2.0.0")]
    failing = True

    def load(location: str, version: str) -> StreamModel:
        if failing:
            raise StoreError(f"{location} cannot be read.")
        return stream_model(version)

    watch = ModelWatch(stream_model(), lambda: places[-1], load, seconds=0)
    watch.look()
    watch.look()
    assert watch.model.version == "1.0.0"
    assert watch.failures == 2
    assert caplog.text.count("cannot be read") == 1
    failing = False
    watch.look()
    assert watch.model.version == "2.0.0"
    places.append(("/2.0.0", "2.0.0"))
    watch.look()
    assert watch.model.version == "2.0.0"
    assert watch.failures == 2


@pytest.mark.parametrize(("test", "share"), [("a/b", 0.1), ("", 0.1), ("a", 0.0), ("a", 1.0)])
def test_a_division_is_one_of_an_ab_test(test: str, share: float) -> None:
    """Names and shares that an A/B test refuses are refused here."""
    with pytest.raises(InputError):
        KeyDivision(test, share)
