"""The current model of a server, and its replacement while requests are in flight."""

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.core.base.errors import InputError
from headrace.core.bundles.bundle import VerificationPolicy
from headrace.core.robustness.input_guard import GuardUse
from headrace.serving.model.served_model import ServedModel

if TYPE_CHECKING:
    from collections.abc import Callable


class ModelHolder:
    """The current model.

    A request reads ``served`` once and keeps it, so that a replacement never affects requests in flight.
    """

    def __init__(
        self,
        source: str,
        *,
        name: str = "",
        threads: int = 1,
        policy: VerificationPolicy | None = None,
        guard_use: GuardUse = "off",
    ) -> None:
        """Load the model.

        Args:
            source: A bundle's folder or store URI; it is read again at each ``load``.
            name: Name of the model on this endpoint; empty for its own.
            threads: Threads that the engine may use for one request.
            policy: What to verify of a bundle before it serves; None for its digest.
            guard_use: What becomes of rows that are unlike the training rows.

        Raises:
            BundleError: If the bundle is not intact, or its answers differ from its test cases.
        """
        self.source = source
        self._name = name
        self._threads = threads
        self._policy = policy or VerificationPolicy()
        self._guard_use = guard_use
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._changing = asyncio.Lock()
        self.changed: list[Callable[[], None]] = []
        try:
            self.served: ServedModel = self._open()
        except BaseException:
            self.close()
            raise
        self.unloaded = False
        self.draining = False

    @property
    def ready(self) -> bool:
        """Whether to send new requests to this server."""
        return not self.unloaded and not self.draining

    @property
    def name(self) -> str:
        """Name of the model on this endpoint."""
        return self.served.name

    async def load(self) -> ServedModel:
        """Read the source again and serve it from now on; requests in flight keep the old model.

        Returns:
            The new model.

        Raises:
            BundleError: If the bundle is refused; the old model stays.
            InputError: If the bundle would change the model's name on this endpoint.
        """
        async with self._changing:
            before = self._scratch
            try:
                served = await asyncio.to_thread(self._open)
            except BaseException:
                self._clear(before)
                raise
            self.served, self.unloaded = served, False
            if before is not None:
                before.cleanup()
        for callback in self.changed:
            callback()
        return served

    def unload(self) -> None:
        """Stop answering until the next ``load``."""
        self.unloaded = True

    def close(self) -> None:
        """Remove the fetched bundle."""
        self._clear(None)

    def _open(self) -> ServedModel:
        served = ServedModel.open(
            self._folder(), name=self._name, threads=self._threads, policy=self._policy, guard_use=self._guard_use
        )
        if hasattr(self, "served") and served.name != self.served.name:
            raise InputError(
                f"the model at {self.source} must be named {self.served.name}, as the one that it replaces; it is "
                f"named {served.name}: start another server for it."
            )
        return served

    def _folder(self) -> Path:
        if "://" not in self.source:
            return Path(self.source)
        from headrace.stores.bundles.bundle_store import fetch  # noqa: PLC0415 - a folder needs no client

        self._scratch = tempfile.TemporaryDirectory(prefix="headrace-")
        signed = self._policy.level == "signature"
        return fetch(self.source, Path(self._scratch.name) / "bundle", signatures=signed)

    def _clear(self, scratch: "tempfile.TemporaryDirectory[str] | None") -> None:
        if self._scratch is not None and self._scratch is not scratch:
            self._scratch.cleanup()
        self._scratch = scratch
