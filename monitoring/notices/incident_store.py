"""Where the incidents of a model are kept between runs: in the monitoring store, a new document for each change.

The key of a document is ``MODEL/notices/NUMBER.json``; the one with the highest number holds. No object is ever
overwritten, which no store does safely.
"""

from dataclasses import dataclass

from headrace.core.base.errors import BusyError, InputError
from headrace.core.monitors.reports.incidents import FORMAT, IncidentLog
from headrace.stores.objects.open_objects import StorePlace
from headrace.stores.objects.stored_documents import add_document, read_document

_DIGITS = 12


@dataclass
class IncidentStore:
    """The incidents of one model.

    Attributes:
        place: The monitoring store.
        model: Name of the model.
        number: Number of the last document that was read or written; 0 for none.
    """

    place: StorePlace
    model: str
    number: int = 0

    def load(self) -> IncidentLog:
        """Return the incidents; none if nothing is stored.

        Raises:
            InputError: If what is stored are not incidents.
            StoreError: If the store fails.
        """
        keys = [stored.key for stored in self.place.store.list(self._prefix)]
        if not keys:
            return IncidentLog(FORMAT, self.model)
        key = max(keys)
        digits = key.removeprefix(self._prefix).removesuffix(".json")
        if len(digits) != _DIGITS or not digits.isdecimal():
            raise InputError(f"{self._prefix} in {self.place} must hold numbered documents only; got {key}: move it.")
        self.number = int(digits)
        return read_document(self.place, key, IncidentLog)

    def save(self, log: IncidentLog) -> None:
        """Store the incidents after ``load``.

        Raises:
            BusyError: If another process has stored them meanwhile.
            StoreError: If the store fails.
        """
        key = f"{self._prefix}{self.number + 1:0{_DIGITS}}.json"
        if not add_document(self.place, key, log):
            raise BusyError(
                f"only one process at a time may send notices of {self.model}; another one has written {key} in "
                f"{self.place}: end one of them."
            )
        self.number += 1

    @property
    def _prefix(self) -> str:
        return f"{self.place.prefix}{self.model}/notices/"
