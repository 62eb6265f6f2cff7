"""The report of a model's monitors over one window: the document ``monitor.json``.

Its schema is ``docs/monitor.schema.json``.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from headrace.core.base.errors import InputError, quote
from headrace.core.base.json_document import JsonDocument
from headrace.core.monitors.reports.monitor_kinds import MONITORS

FORMAT = 1
Status = Literal["ok", "violated", "data_fault", "unknown"]


@dataclass(frozen=True)
class MonitorResult:
    """What one monitor says about one subject.

    Attributes:
        monitor: Name of the monitor, one of ``monitor_kinds.MONITORS``.
        subject: The column, metric, slice, rule or objective; empty for the whole model.
        status: ``ok``; ``violated``: it has left its bounds, and the world or the model may be the reason;
            ``data_fault``: the data are broken, and no model must be fitted on them; ``unknown``: it is not known,
            and ``sentence`` says why.
        sentence: The result in words, for people.
        value: Its value, in the unit of the monitor; absent if it is unknown.
        low: Lower end of its interval; absent if it has none.
        high: Upper end.
        reference: The value that it is compared with, such as that of the training or the test part.
        bound: The bound beyond which it is violated.
        p_value: Probability of such a value by chance alone, adjusted for all tests of the report.
        rows: Number of rows or requests that it is computed from.
        since: The moment since when it holds, as a text of RFC 3339; absent if it is of the whole window.
    """

    monitor: str
    subject: str
    status: Status
    sentence: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    reference: float | None = None
    bound: float | None = None
    p_value: float | None = None
    rows: int | None = None
    since: str | None = None

    def __post_init__(self) -> None:
        """Raise if there is no such monitor.

        Raises:
            InputError: If so.
        """
        if self.monitor not in MONITORS:
            raise InputError(f"a monitor must be one of {', '.join(MONITORS)}; got {quote(self.monitor)}.")


@dataclass(frozen=True)
class ReportWindow:
    """The window of a report.

    Attributes:
        start: Its first moment, as a text of RFC 3339.
        end: The first moment after it.
    """

    start: str
    end: str


@dataclass(frozen=True)
class ShadowReport:
    """How good a version is that answers nobody, on the rows that the version in service answered.

    Attributes:
        digest: Digest of the version.
        rows: Rows of the window that it scored.
        labelled: Rows whose labels came in the window.
        results: Its measured and estimated performance, compared with its own test part; nothing is decided by them.
        notes: What was left out, as sentences.
    """

    digest: str
    rows: int
    labelled: int
    results: tuple[MonitorResult, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class MonitorReport(JsonDocument):
    """What the monitors say about a model in one window.

    Attributes:
        format: Version of this document's form.
        name: Name of the model.
        digest: Digest of the version whose profile is the reference.
        window: The window.
        rows: Rows that were scored in it.
        requests: Requests in it.
        labelled: Rows whose labels have come.
        false_alarm_rate: Promised chance that anything in the report is called violated while nothing has changed.
        results: The results, in the order of the monitors.
        notes: What was left out, guessed or rounded, as sentences.
        shadows: How good versions would be that answer nobody; empty without any.
    """

    format: int
    name: str
    digest: str
    window: ReportWindow
    rows: int
    requests: int
    labelled: int
    false_alarm_rate: float
    results: tuple[MonitorResult, ...]
    notes: tuple[str, ...] = ()
    shadows: tuple[ShadowReport, ...] = ()

    expected: ClassVar[str] = (
        "a monitor's report must be what headrace monitor writes, as docs/monitor.schema.json says"
    )
    remedy: ClassVar[str] = "run the monitor again"

    def find(self, monitor: str, subject: str = "") -> MonitorResult | None:
        """Return the result of a monitor about a subject; None if there is none."""
        matches = (one for one in self.results if one.monitor == monitor and one.subject == subject)
        return next(matches, None)
