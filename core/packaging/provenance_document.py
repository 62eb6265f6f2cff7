"""The provenance of a model: the document ``provenance.json``, whose schema is ``docs/provenance.schema.json``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from headrace.core.base.json_document import ABSENT_AS_EMPTY, JsonDocument
from headrace.core.base.notes import Note
from headrace.core.evaluation.verdict import GateVerdict


@dataclass(frozen=True)
class RecordedCode:
    """The code that made the model.

    Attributes:
        version: Version of the package.
        sha256: SHA-256 over the package's files: equal for equal code, whether it is installed or checked out.
        commit: The commit that the code was checked out from; empty for an installed package.
        changed: Files of the package that differ from that commit, or are not in it.
        dirty: Whether anything differs from the commit; null without a commit.
    """

    version: str
    sha256: str
    commit: str
    changed: tuple[str, ...]
    dirty: bool | None


@dataclass(frozen=True)
class RecordedTable:
    """The table that the run began with.

    Attributes:
        source: Its address without what is private; of a path, its last part.
        digest: SHA-256 of its bytes, or of its rows for a query; empty if it is not known.
        rows: Number of rows.
        columns: Number of columns.
        licence: The data's licence, as a person answered.
        origin: Where the data come from, as a person answered.
    """

    source: str
    digest: str
    rows: int
    columns: int
    licence: str
    origin: str


@dataclass(frozen=True)
class RecordedRows:
    """Training or test rows.

    Attributes:
        rows: Number of rows.
        columns: Number of columns.
        digest: SHA-256 of a line of JSON with the columns, and of the rows as CSV.
        copy: Folder of the bundle that holds a copy of them; empty if none does.
    """

    rows: int
    columns: int
    digest: str
    copy: str


@dataclass(frozen=True)
class RecordedValidation:
    """How the parameters were chosen.

    Attributes:
        method: The method.
        folds: Number of folds.
        of: The rows that were folded.
    """

    method: str
    folds: int
    of: str


@dataclass(frozen=True)
class RecordedData:
    """The rows that the model was fitted, chosen and measured on.

    Attributes:
        train: Training rows; null if they are not described.
        validation: Validation within the training rows; null if there was none.
        test: Test rows; null if no row was set aside.
    """

    train: RecordedRows | None
    validation: RecordedValidation | None
    test: RecordedRows | None

    @property
    def copied(self) -> tuple[str, ...]:
        """Names of the parts that the bundle holds a copy of."""
        return tuple(name for name, part in (("train", self.train), ("test", self.test)) if part and part.copy)


@dataclass(frozen=True)
class RecordedCounts:
    """Numbers of rows.

    Attributes:
        train: Rows that the model was fitted on.
        test: Rows of the test part; absent for a cross-validation.
        held_out: Training rows that were each predicted by a model fitted without them; absent for a test part.
        read: Rows of the table; absent, like those that follow, if it was not validated.
        valid: Rows that keep the contract.
        quarantined: Rows that were set aside.
    """

    train: int
    test: int | None = None
    held_out: int | None = None
    read: int | None = None
    valid: int | None = None
    quarantined: int | None = None


@dataclass(frozen=True)
class RecordedSearch:
    """The search that chose the parameters; a fact that the search did not leave is absent.

    Attributes:
        family: The model's family.
        parameters: Its hyperparameters that differ from the defaults.
        metric: Name of the objective's metric.
        score: Value of the objective.
        folds: Folds of the cross-validation.
        rows: Rows that each trial used.
        algorithm: Name of the search algorithm.
        trials: Number of trials.
    """

    family: str | None = None
    parameters: Mapping[str, Any] | None = None
    metric: str | None = None
    score: float | None = None
    folds: int | None = None
    rows: int | None = None
    algorithm: str | None = None
    trials: int | None = None


@dataclass(frozen=True)
class RecordedImport:
    """The model of another tool that a bundle was made from.

    Attributes:
        tool: The tool that stored it, such as ``mlflow``.
        version: The tool's version, as the model's folder says; empty if it does not.
        source: Address of the model without what is private; of a path, its last part.
        flavor: The form that was read: ``sklearn``, ``xgboost`` or ``onnx``.
        library: The library that made the model, and its version; empty if they are not known.
        digest: SHA-256 over the files of the model's folder.
        model: The tool's identifier of the model; empty if it has none.
        run: Identifier of the run that made it; empty if there is none.
        registered: Name and version in the tool's registry, ``NAME/VERSION``; empty if it was not read from there.
        commit: Commit of the code that made it, as the run says; empty if it does not.
        code: Whether code of the model was run to read it: ``none``, or ``sandbox``.
    """

    tool: str
    version: str
    source: str
    flavor: str
    library: str
    digest: str
    model: str
    run: str
    registered: str
    commit: str
    code: str


@dataclass(frozen=True)
class Provenance(JsonDocument):
    """Code, data by digest and parameters that made a model, without times or paths of the machine.

    Attributes:
        format: Version of this document's format.
        made_with: The suite and its version.
        code: The code.
        table: The table that the run began with.
        data: The rows of each part.
        rows: Numbers of rows.
        train: What the fit says of its rows: their number, and their digest as a model matrix with target.
        parameters: Parameters that the steps worked with, by step, where their arguments did not set them.
        search: The search; empty if nothing was searched.
        seed: Seed of every random choice of the fit.
        findings: What a person should know of the run, worst first.
        verdict: The gate's verdict without its parameters; empty for a model that did not pass through the gate.
        arguments: Arguments by step, from which a replay starts; absent if they are unknown.
        steps: SHA-256 of each step's output; absent if they are unknown.
        imported: The model of another tool that it was made from; absent for a model that Headrace fitted. Table, rows
            and search are then not known.
    """

    format: int
    made_with: str
    code: RecordedCode
    table: RecordedTable
    data: RecordedData
    rows: RecordedCounts
    train: Mapping[str, Any]
    parameters: Mapping[str, Mapping[str, Any]]
    search: RecordedSearch
    seed: int
    findings: tuple[Note, ...]
    verdict: GateVerdict | None = field(metadata=ABSENT_AS_EMPTY)
    arguments: Mapping[str, Mapping[str, Any]] | None = None
    steps: Mapping[str, str] | None = None
    imported: RecordedImport | None = None

    expected: ClassVar[str] = (
        "provenance.json must be what the step package writes, as docs/provenance.schema.json says"
    )
    remedy: ClassVar[str] = "package the model again"
