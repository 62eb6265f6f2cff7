"""The keywords that ``run`` and ``tune`` share; each is a field of ``TrainingOptions``."""

import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypedDict, TypeVar, cast

from headrace.api.model_reference import ModelReference
from headrace.pipelines.definitions.option_fields import option_fields
from headrace.pipelines.definitions.training_options import TrainingOptions

_Function = TypeVar("_Function", bound=Callable[..., Any])


class TrainingKeywords(TypedDict, total=False):
    """Options of a run, beside its table and its target; each line says what an empty value means.

    Attributes:
        task: ``binary``, ``multiclass``, ``regression``, or ``anomaly``, which needs no target; empty to infer one of
            the first three.
        name: Name of the model and of its endpoint; empty for the table's, or ``table`` for a data frame.
        contract: Path or address of a data contract; empty to infer one.
        column_names: Column names of a CSV, in place of its header if it has one.
        header: Whether the first line of a CSV holds the names.
        delimiter: Field separator of a CSV; empty to detect it.
        encoding: Text encoding of a CSV; empty to detect it.
        skip_lines: Lines of a CSV before its header; negative to detect them.
        comment: What a comment line of a CSV begins with; empty to detect it.
        missing_values: Texts that stand for a missing value; empty for the usual ones.
        time_column: Timestamp by which to split: the latest rows are the test part.
        id_columns: Columns that identify a row.
        group_column: Column whose equal values the split keeps together.
        drop_columns: Columns to leave out.
        hash_columns: Columns to keep only as a keyed hash.
        positive: Class whose probability is reported; empty to choose it by its meaning, else the rarer one.
        country: ISO 3166 code of the country whose public holidays and notation matter; empty for none.
        decimal: Decimal mark, ``.`` or ``,``; empty to detect it.
        thousands: Mark between groups of thousands; empty to detect it.
        families: Model families to search; empty for the default ones.
        experiment: Katib Experiment that declares the search: a file, or the name of a shipped one.
        budget: Trials (``20``) or time (``"90s"``, ``"5m"``, ``"1h"``) of the search; empty for the default.
        folds: Folds of the cross-validation; 0 for the default.
        nested: Whether the search itself is cross-validated too.
        tuner: Where trials run: ``local``, or ``katib`` on the current cluster.
        deadline: Longest time of a search on Katib, such as ``2h``; empty for a day.
        cleanup: When Katib's Experiments are deleted: ``always``, ``succeeded`` or ``never``.
        search_namespace: Namespace of Katib's Experiments; empty for the context's.
        test_size: Share of the rows for the test part, above 0 and below 1.
        split_method: ``random``, ``stratified``, ``time`` or ``group``; empty to let the contract decide.
        slices: Columns by whose values the metrics are repeated.
        cost_false_positive: Cost of a false positive.
        cost_false_negative: Cost of a false negative.
        alert_budget: Alerts of a task anomaly per 1,000 rows (``10``), or per day (``20/day``); empty for 10.
        metric_bounds: Bounds by metric that the model must meet, such as ``{"roc_auc": 0.8}``.
        champion: The model to beat: a ``Run``, a ``Bundle``, a path or an address, or ``NAME@production``.
        card: File with what only a person can say about the model.
        include_data: Whether the training and test rows are copied into the bundle.
        publish: Whether a model that is not rejected is published.
        serve: Whether a published model is served and verified by its test cases.
        seed: Seed of every random choice.
    """

    task: str
    name: str
    contract: str | Path
    column_names: Sequence[str]
    header: bool
    delimiter: str
    encoding: str
    skip_lines: int
    comment: str
    missing_values: Sequence[str]
    time_column: str
    id_columns: Sequence[str]
    group_column: str
    drop_columns: Sequence[str]
    hash_columns: Sequence[str]
    positive: str
    country: str
    decimal: str
    thousands: str
    families: Sequence[str]
    experiment: str | Path
    budget: str | int
    folds: int
    nested: bool
    tuner: str
    deadline: str
    cleanup: str
    search_namespace: str
    test_size: float
    split_method: str
    slices: Sequence[str]
    cost_false_positive: float
    cost_false_negative: float
    alert_budget: str
    metric_bounds: Mapping[str, float]
    champion: ModelReference
    card: str | Path
    include_data: bool
    publish: bool
    serve: bool
    seed: int


# Options that ``run`` sets itself: its table, the folder of its search, its deployment target, the split's format.
_NO_KEYWORDS = frozenset({"source", "target", "journal", "deploy_platform", "split_format"})
DEFAULTS: Mapping[str, Any] = MappingProxyType({
    **{
        name: MappingProxyType(option.default) if option.type is Mapping else option.default
        for name, option in option_fields(TrainingOptions).items()
        if name not in _NO_KEYWORDS
    },
    "name": "",  # the table's, which a pipeline does not know
})  # fmt: skip
"""Values of the keywords that are not given, by name, in the order of ``TrainingOptions``."""


def complete_options(keywords: Mapping[str, Any], *, function: str) -> dict[str, Any]:
    """Complete keywords with the defaults of all others, and convert them to plain values.

    Args:
        keywords: Values by keyword: paths may be ``Path``, and a single text may stand for a list of one.
        function: Name of the function that takes them, for the message.

    Raises:
        TypeError: If there is no such keyword.
    """
    unknown = next((name for name in keywords if name not in DEFAULTS), None)
    if unknown is not None:
        near = difflib.get_close_matches(unknown, DEFAULTS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise TypeError(f"{function}() got an unexpected keyword argument {unknown!r}{hint}")
    return {name: _plain(keywords.get(name, default), default) for name, default in DEFAULTS.items()}


def _plain(value: Any, default: Any) -> Any:
    if isinstance(default, tuple):
        return (value,) if isinstance(value, str) else tuple(str(item) for item in value or ())
    if isinstance(default, Mapping):
        return dict(value or {})
    if isinstance(value, Path):
        return str(value)
    return value


def with_keyword_signature(function: _Function) -> _Function:
    """Make ``help`` and notebooks show each keyword with its default in place of ``**options``."""
    signature = inspect.signature(function)
    own_parameters = [one for one in signature.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
    types = TrainingKeywords.__annotations__
    keywords = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=DEFAULTS[name], annotation=kind)
        for name, kind in types.items()
    ]
    cast("Any", function).__signature__ = signature.replace(parameters=[*own_parameters, *keywords])
    return function
