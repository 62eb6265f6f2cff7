"""What the tests of the Java library share."""

from collections.abc import Iterator

import pytest

from tests.jvm.comparison import JavaServer


@pytest.fixture(scope="session")
def java(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JavaServer]:
    """A Java process that encodes and scores."""
    with JavaServer(tmp_path_factory.mktemp("java")) as server:
        yield server
