"""The models of a stream: which one answers an event, and how a new version takes over between two batches."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headrace.core.ab_tests.assignment import check_share, check_test_name, is_candidate
from headrace.core.base.errors import HeadraceError, InputError
from headrace.serving.model.served_model import ServedModel

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StreamModel:
    """A version of a model that answers.

    Attributes:
        served: The model.
        version: Its version in the registry; empty if it does not come from there.
        location: Folder or store URI of its bundle; it differs between versions.
    """

    served: ServedModel
    version: str
    location: str


@dataclass(frozen=True)
class KeyDivision:
    """A division of the keys between the model and a candidate, as an A/B test assigns them.

    Attributes:
        test: Name of the test.
        share: The candidate's share of the keys, 0.001 to 0.999.
    """

    test: str
    share: float

    def __post_init__(self) -> None:
        """Raise if the name or the share cannot be used.

        Raises:
            InputError: If the name or the share cannot be used.
        """
        check_test_name(self.test)
        check_share(self.share)

    def is_candidate(self, key: bytes | None) -> bool:
        """Check whether the candidate answers a key; an event without a key, or with one that is no text, it does not.

        Args:
            key: The event's key.
        """
        try:
            return key is not None and is_candidate(key.decode(), test=self.test, share=self.share)
        except UnicodeDecodeError:
            return False


@dataclass(frozen=True)
class StreamModels:
    """What answers a batch.

    Attributes:
        model: The model.
        candidate: Another version that answers some keys; None for none.
        division: Which keys; None without a candidate.
    """

    model: StreamModel
    candidate: StreamModel | None = None
    division: KeyDivision | None = None

    def divide(self, keys: Sequence[bytes | None]) -> list[tuple[StreamModel, list[int] | None]]:
        """Return each model with the places of the events that it answers; None for all of them.

        Args:
            keys: Keys of the events of a batch.
        """
        if self.candidate is None or self.division is None:
            return [(self.model, None)]
        chosen = [self.division.is_candidate(key) for key in keys]
        return [
            (self.model, [place for place, yes in enumerate(chosen) if not yes]),
            (self.candidate, [place for place, yes in enumerate(chosen) if yes]),
        ]


class ModelWatch:
    """Looks in the background for a new version of a model, loads it, and keeps it until the next batch begins."""

    def __init__(
        self,
        first: StreamModel,
        locate: Callable[[], tuple[str, str]],
        load: Callable[[str, str], StreamModel],
        *,
        seconds: float,
    ) -> None:
        """Start the thread.

        Args:
            first: The model that answers now.
            locate: Returns location and version of the bundle that should answer.
            load: Loads the bundle at a location with a version.
            seconds: Pause between two looks; 0 for no look at all.
        """
        self._model = first
        self._locate, self._load, self._seconds = locate, load, seconds
        self._ended = threading.Event()
        self._failure = ""
        self.failures = 0
        self._thread = threading.Thread(target=self._watch, name="versions", daemon=True)
        if seconds:
            self._thread.start()

    @property
    def model(self) -> StreamModel:
        """The newest version that is loaded and has passed its test cases."""
        return self._model

    def look(self) -> None:
        """Load the version that should answer now, if it is another one; a version that fails leaves the old one."""
        try:
            location, version = self._locate()
            if location != self._model.location:
                loaded = self._load(location, version)
                name = self._model.served.name
                if loaded.served.name != name:
                    raise InputError(
                        f"a new version must be one of the model {name}; got one of {loaded.served.name} instead."
                    )
                self._model = loaded
                _logger.info("version %s (%s) answers from now on.", version or "-", loaded.served.digest[:12])
            self._failure = ""
        except HeadraceError as error:
            self.failures += 1
            if str(error) != self._failure:
                _logger.warning("the version that answers stays: %s", error)
            self._failure = str(error)

    def close(self) -> None:
        """End the thread."""
        self._ended.set()

    def _watch(self) -> None:
        while not self._ended.wait(self._seconds):
            self.look()
