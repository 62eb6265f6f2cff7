"""Explanations of answers."""

from typing import Any

from headrace.core.errors import RequestError
from headrace.serving.limits import Limits
from headrace.serving.served import Scored, Served


class Explaining:
    """Explains answers."""

    async def explained(self, served: Served, scored: Scored, limits: Limits) -> list[Any]:
        """One explanation for each row."""
        raise RequestError(f"models of the family {served.scorer.family} are not explained.", "unexplained")
