"""A/B tests: plan one, assign its keys, and analyze its table."""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl

from headrace.api.tables import TableReference, table_address
from headrace.core.ab_tests import analysis, assignment
from headrace.core.ab_tests.metric_text import parse_metric
from headrace.core.ab_tests.plan import FORMAT, ABTestPlan, Looks
from headrace.core.ab_tests.result import ABTestResult
from headrace.core.ab_tests.sample_size import complete_plan, find_effects
from headrace.core.base.errors import InputError, quote
from headrace.core.base.files import whole
from headrace.core.readers.table_reader import TableReader
from headrace.core.runtime.background import prefetch
from headrace.core.tables.source import ReadOptions
from headrace.stores.sources.open_source import open_source


def plan_ab_test(
    name: str,
    *,
    metrics: Sequence[str],
    guards: Sequence[str] = (),
    share: float = 0.5,
    alpha: float = 0.05,
    power: float = 0.8,
    looks: Looks = "any",
    sample_ratio_alpha: float = 0.001,
    keys: int = 0,
    daily_keys: float | None = None,
    key: str = "key",
    version: str = "version",
    baseline: str = "baseline",
    candidate: str = "candidate",
) -> ABTestPlan:
    """Plan a test, as ``headrace abtest plan`` does: how many keys it takes, or what so many keys can find.

    >>> import headrace.api as hr
    >>> plan = hr.plan_ab_test("new-model", metrics=["converted,rate=0.10,effect=0.02"], looks="once")
    >>> plan.keys
    7679

    Args:
        name: Name of the test, on which the assignment depends.
        metrics: Primary metrics, such as ``converted,rate=0.10,effect=0.01`` or ``revenue,mean=20,sd=35,effect=1``;
            without an effect where ``keys`` are given, and the smallest one that they find is planned.
        guards: Guards, such as ``latency_ms,mean=80,sd=60,margin=4,better=lower``.
        share: The candidate's share of the keys.
        alpha: Chance that a candidate which changes nothing is called better or worse.
        power: Chance that the effect is found, and all guards are kept.
        looks: ``any`` to look at the result whenever you like, ``once`` for one look at the end.
        sample_ratio_alpha: Chance that a correct division of the keys is called broken.
        keys: Number of keys in both versions together; 0 for as many as the metrics take.
        daily_keys: New keys a day.
        key: Column of the keys.
        version: Column of the versions.
        baseline: Name of the version in service.
        candidate: Name of the new version.

    Raises:
        InputError: If a value cannot be planned with.
    """
    described = [parse_metric(text, role="primary") for text in metrics]
    described += [parse_metric(text, role="guard") for text in guards]
    without_effect = [one.metric.name for one in described if not one.has_effect]
    if without_effect and not keys:
        raise InputError(
            f"metric {quote(without_effect[0])} must have an effect, the smallest difference worth finding, or the "
            "plan a number of keys: give one of them."
        )
    if keys < 0 or 0 < keys < 4:
        raise InputError(f"a test must have at least 4 keys; got {keys}.")
    if looks not in {"any", "once"}:
        raise InputError(f"looks must be any or once; got {quote(looks)} instead.")
    plan = ABTestPlan(
        format=FORMAT,
        name=name,
        key=key,
        version=version,
        baseline=baseline,
        candidate=candidate,
        share=share,
        alpha=alpha,
        power=power,
        looks=looks,
        sample_ratio_alpha=sample_ratio_alpha,
        metrics=tuple(one.metric for one in described),
        keys=keys,
        daily_keys=daily_keys,
    )
    margins = [one.metric.name for one in described if one.has_margin]
    return complete_plan(find_effects(plan, names=without_effect, margins=margins) if without_effect else plan)


def assign_versions(
    table: TableReference,
    *,
    test: str,
    key: str,
    output: str | Path,
    share: float = 0.5,
    version: str = "version",
    baseline: str = "baseline",
    candidate: str = "candidate",
    **reading: Any,
) -> dict[str, int]:
    """Write a table with the version of each row's key, as ``headrace abtest assign`` does.

    Args:
        table: Path, folder, glob, address, or a data frame (n rows).
        test: Name of the test.
        key: Column of the keys: texts or whole numbers.
        output: A file that ends in ``.parquet`` or ``.csv``.
        share: The candidate's share of the keys.
        version: Column to add.
        baseline: Name of the version in service.
        candidate: Name of the new version.
        **reading: Options of ``ReadOptions``, such as ``delimiter``.

    Returns:
        Number of rows by version.

    Raises:
        MissingError: If the table does not exist.
        InputError: If it cannot be read, the key cannot be assigned, or ``output`` cannot be written.
        DataError: If the table has no rows.
    """
    assignment.check_test_name(test)
    assignment.check_share(share)
    path = Path(output)
    if path.suffix.lower() not in {".parquet", ".csv"}:
        raise InputError(f"the output must be a file that ends in .parquet or .csv; got {path}.")
    # Only an empty text is missing: the table is written as it was, and a key may be called NA.
    frame = _read(table, ReadOptions(missing_values=("",), **reading))
    assignment.check_key_column(frame, key)
    if version in frame.columns:
        raise InputError(f"the table has a column {quote(version)} already; name another one for the versions.")
    is_candidate = assignment.candidate_expression(key, test=test, share=share)
    versions = pl.when(is_candidate).then(pl.lit(candidate)).otherwise(pl.lit(baseline)).alias(version)
    assigned = frame.with_columns(versions)
    with whole(path) as part:
        (assigned.write_csv if path.suffix.lower() == ".csv" else assigned.write_parquet)(part)
    counts = dict(assigned[version].value_counts().iter_rows())
    return {name: int(counts.get(name, 0)) for name in (candidate, baseline)}


def analyze_ab_test(
    table: TableReference, *, plan: ABTestPlan | str | Path, time: str = "", **reading: Any
) -> ABTestResult:
    """Analyze the table of a test, as ``headrace abtest analyze`` does.

    Args:
        table: Path, folder, glob, address, or a data frame: rows with the plan's key, version and metrics.
        plan: The plan, or the path of its file.
        time: Column of the moments at which rows arose, for the confidence sequence over time: dates, times in ISO
            8601, or numbers; empty without one.
        **reading: Options of ``ReadOptions``, such as ``delimiter``.

    Returns:
        What may be concluded, with the figures; ``as_json`` gives the document.

    Raises:
        MissingError: If the table or the plan does not exist.
        InputError: If the table cannot be read, or is not that of the plan.
        DataError: If a version has too few keys, or a metric is constant.
    """
    the_plan = plan if isinstance(plan, ABTestPlan) else ABTestPlan.read(Path(plan))
    only = tuple(dict.fromkeys([the_plan.key, the_plan.version, *the_plan.columns, *([time] if time else [])]))
    listed = (the_plan.key, the_plan.version)
    frame = _read(table, ReadOptions(numbers=the_plan.columns, listed=listed, only=only, **reading))
    if time in frame.columns:
        frame = frame.with_columns(_as_times(frame[time]))
    return analysis.analyze(frame, plan=the_plan, time=time)


def _read(table: TableReference, options: ReadOptions) -> pl.DataFrame:
    with table_address(table) as address:
        reader = TableReader(open_source(address), options, digest=False)
        with closing(prefetch(reader.frames())) as frames:
            return pl.concat(list(frames), how="vertical_relaxed")


def _as_times(values: pl.Series) -> pl.Series:
    """Return moments that sort; texts are read as ISO 8601, in UTC if they name no zone."""
    if values.dtype != pl.String:
        return values
    conversions: tuple[Callable[[], pl.Series], ...] = (
        lambda: values.cast(pl.Int64),
        values.str.to_date,
        lambda: values.str.to_datetime(time_zone="UTC"),
    )
    for convert in conversions:
        try:
            return convert()
        except pl.exceptions.PolarsError:
            continue
    raise InputError(
        f"column {quote(values.name)} must hold dates or times such as 2026-03-01T00:00:00Z; it holds "
        f"{quote(values.drop_nulls().first())}."
    )
