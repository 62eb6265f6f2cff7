"""Whether a broker answers, as the statistics of a client and the ends of its requests show."""

import logging
import time

import orjson

_FRESH_SECONDS = 3.0
_logger = logging.getLogger(__name__)


class Reachability:
    """Keeps whether the brokers answer, with one message in the log for each change.

    Attributes:
        reachable: Whether they answer.
        was_away: Whether they did not answer at some time since somebody has set it to no.
    """

    def __init__(self, place: str) -> None:
        """Suppose that they answer.

        Args:
            place: The brokers, for messages.
        """
        self._place = place
        self.reachable, self.was_away = True, False

    def note(self, reachable: bool) -> None:
        """Note whether they answer."""
        self.was_away |= not reachable
        if reachable != self.reachable:
            self.reachable = reachable
            if reachable:
                _logger.warning("Kafka at %s answers again.", self._place)
            else:
                _logger.warning("Kafka at %s does not answer; the stream waits for it.", self._place)

    def read_statistics(self, text: str) -> None:
        """Note what a client's statistics say; the client calls this while it is polled."""
        statistics = orjson.loads(text)
        # While a commit waits for the broker, nobody reads them; the old ones say what was.
        if time.time() - statistics["time"] < _FRESH_SECONDS:
            self.note(any(one["state"] == "UP" for one in statistics["brokers"].values()))
