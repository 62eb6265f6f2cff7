"""The summary of a run: one JSON object whose schema is docs/summary.schema.json."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StepSummary(_Part):
    """One step of the pipeline."""

    name: str
    status: Literal["succeeded", "failed", "skipped", "canceled", "unknown"] = Field(
        description="skipped: not reached, or left out by a condition; unknown: its outcome cannot be determined."
    )
    seconds: float = Field(ge=0, description="Wall time, process start included.")


class RowCounts(_Part):
    """Counts of rows: read = quarantined + train + test."""

    read: int = Field(ge=0)
    quarantined: int = Field(ge=0)
    train: int = Field(ge=0)
    test: int = Field(ge=0)


class Metric(_Part):
    """A metric on the test part with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


class ResampledBy(_Part):
    """The sampling unit of the intervals: rows that belong together count as one."""

    by: Literal["row", "key", "group", "time", "inputs"]
    clusters: int = Field(ge=0, description="Number of rows, keys, groups or blocks of time.")
    sentence: str


class Caution(_Part):
    """What the intervals of some metrics do not cover."""

    metrics: list[str]
    text: str = Field(description="One sentence.")


class ModelSummary(_Part):
    """The model that the run built."""

    name: str = Field(default="", description="Name of the model.")
    family: str
    uri: str = Field(description="Address in the object store; empty when the gate rejected the model.")
    digest: str = Field(description="SHA-256 over the bundle's files: equal for equal inputs.")
    parameters: dict[str, float | int | str | bool | None] = {}
    version: str = Field(default="", description="Version in the registry, with the digest's first digits.")


class SearchSummary(_Part):
    """What the search found, by cross-validation; the best score is optimistic."""

    tuner: str = Field(description="Where its trials ran: local or katib.")
    metric: str
    score: float | None = Field(description="Cross-validated score of the best trial.")
    trials: int = Field(ge=0)
    failed: int = Field(ge=0)
    reason: str = Field(description="Why it ended; empty if it failed.")
    nested: float | None = Field(default=None, description="Score of the search by nested cross-validation.")
    nested_low: float | None = Field(
        default=None, description="Lower end of its 95 % interval, which accounts for folds that share training rows."
    )
    nested_high: float | None = Field(default=None, description="Upper end of that interval.")
    bundle: str = Field(default="", description="The best trial's bundle, fitted before the test part was used.")


class EndpointSummary(_Part):
    """Responses of the endpoint."""

    verified: bool
    cases: int = Field(ge=0, description="Test cases of the bundle that were sent.")
    url: str = Field(
        default="", description="URL for predictions; the endpoint ends with the run unless it is kept live."
    )


class Finding(_Part):
    """One finding about the data or the result that a person should know."""

    severity: Literal["warning", "info"] = Field(description="warning: may make the result wrong; info: good to know.")
    column: str = Field(description="The column; empty for the table as a whole.")
    rule: str = Field(
        description="Rule or decision that it reports, such as ignored, leakage, positive_class or duplicate_rows."
    )
    count: int = Field(ge=0, description="Rows that it concerns, or columns where it is about columns.")
    sentence: str = Field(description="What was found and done.")
    remedy: str = Field(default="", description="What can be done about it; empty if nothing.")


class Summary(_Part):
    """The outcome of a run."""

    status: Literal["succeeded", "failed", "canceled"]
    task: Literal["binary", "multiclass", "regression", "anomaly", ""] = ""
    seconds: float = Field(ge=0)
    steps: list[StepSummary]
    rows: RowCounts | None = None
    findings: list[Finding] = Field(
        default=[], description="What was left out, inferred, quarantined or is suspicious, worst first; at most 200."
    )
    positive: str = Field(default="", description="Class that precision, recall, F1, areas and threshold refer to.")
    metrics: dict[str, Metric] = {}
    resampled_by: ResampledBy | None = None
    cautions: list[Caution] = []
    baseline: dict[str, float] = {}
    verdict: Literal["promote", "hold", "reject", ""] = ""
    reasons: list[str] = []
    search: SearchSummary | None = None
    model: ModelSummary | None = None
    endpoint: EndpointSummary | None = None
    report: str = Field(default="", description="Path of the HTML report.")
    output: str = Field(default="", description="The run's folder.")
    registry: str = Field(default="", description="Address of the registry that holds the model, or tracks its run.")
    catalog: str = Field(default="", description="Address of the catalogue that holds table, run and bundle.")
    versions: dict[str, str] = {}
    error: str = Field(default="", description="One sentence; empty unless the status is failed or canceled.")

    def to_json(self) -> str:
        """Return the summary as JSON text; ``error`` is omitted when there is none."""
        left_out = {"error"} if not self.error else None
        return self.model_dump_json(indent=1, exclude=left_out) + "\n"
