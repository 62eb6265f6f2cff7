"""Values in JSON (RFC 8259): one object or array an event."""

from typing import Any

import orjson

from headrace.core.base.errors import RequestError


class JsonValues:
    """JSON in, JSON out."""

    def decode(self, value: bytes) -> Any:
        """Return what a value holds; see ``ValueCodec``.

        Raises:
            RequestError: If it is not JSON.
        """
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise RequestError(
                f"the value of an event must be JSON; {error.msg} at byte {error.pos}.", "value"
            ) from error

    def encode(self, answer: dict[str, Any]) -> bytes:
        """Return an answer as JSON without blanks."""
        return orjson.dumps(answer)
