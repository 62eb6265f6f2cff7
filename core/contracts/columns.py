"""Columns and row features of a contract, and the checks of each one by itself."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from headrace.core.base.errors import InputError
from headrace.core.contracts import vocabulary
from headrace.core.contracts.fault_sentences import check_one_of, must_be, raise_first
from headrace.core.contracts.vocabulary import Dtype, FeatureKind, Personal, Role, Unseen
from headrace.core.values.number_notation import notation_of

AUGMENTATIONS = ("shift", "rotate", "flip", "flip_vertical", "brightness", "contrast", "noise")
MOST_VALUES = 49_152
"""Most values of one picture, as 128 by 128 in colour has: each is a column of the model matrix."""
_TIMES = ("day_of_week", "weekend", "month", "hour", "holiday")


@dataclass(frozen=True)
class Column:
    """One column of the table.

    Attributes:
        name: Name as in the table's header.
        dtype: ``integer``, ``number``, ``string``, ``boolean`` or ``timestamp`` (naive, microseconds).
        role: What the column is for; only ``feature`` columns reach the model as they are. A ``timestamp`` reaches it
            through row features.
        description: Free text for readers.
        unit: Physical unit of the values, free text.
        minimum: Least allowed value of a number, in ``unit``; None for no bound.
        maximum: Largest allowed value of a number, in ``unit``; None for no bound.
        categories: Allowed values as text, in order; None for no list.
        unseen: Whether a text that is not among the categories is refused, or accepted as unknown to the model.
        missing: Largest allowed share of missing values, 0 to 1.
        personal: How personal data are treated; empty if the column holds no personal data.
        format: Format of a timestamp that is stored as text, in strftime directives; empty for ISO 8601.
        known_at_prediction: Whether a feature may determine the target by itself, because it is known at prediction
            time and therefore no leak.
        height: Height of a picture in pixels; others are resized to it.
        width: Width of a picture in pixels.
        channels: 1 for grey, 3 for red, green and blue, 4 with opacity.
        augment: Changes at random of a picture while a network is fitted: ``shift``, ``rotate``, ``flip``,
            ``flip_vertical``, ``brightness``, ``contrast``, ``noise``.
    """

    name: str
    dtype: Dtype
    role: Role = "feature"
    description: str = ""
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] | None = None
    unseen: Unseen = "refuse"
    missing: float = 1.0
    personal: Personal = ""
    format: str = ""
    known_at_prediction: bool = False
    height: int = 0
    width: int = 0
    channels: int = 0
    augment: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise if no table could satisfy the column.

        Raises:
            InputError: If a value is unknown or contradicts another.
        """
        raise_first(f"column {self.name}", column_faults(self))


@dataclass(frozen=True)
class RowFeature:
    """A column computed from others of the same row, in training and in serving alike.

    Attributes:
        name: Name of the new column.
        kind: ``day_of_week`` (1 Monday to 7 Sunday), ``weekend`` (0 or 1), ``month``, ``hour``, ``holiday`` (0 or 1),
            ``elapsed`` (minutes from the first column to the second), ``ratio`` (first by second, missing where the
            second is 0) or ``product``.
        columns: The columns it is computed from, in order.
        country: ISO 3166 code of the country, for ``holiday``.
    """

    name: str
    kind: FeatureKind
    columns: tuple[str, ...]
    country: str = ""

    def __post_init__(self) -> None:
        """Raise if no table could provide the feature.

        Raises:
            InputError: If a value is unknown or contradicts another.
        """
        raise_first(f"feature {self.name}", feature_faults(self))


def column_faults(column: Column) -> Iterator[str]:
    """Yield a sentence for each error in one column, taken alone."""
    if not column.name:
        yield must_be("name", "a text that is not empty", column.name)
    yield from check_one_of("dtype", vocabulary.Dtype, column.dtype)
    yield from check_one_of("role", vocabulary.Role, column.role)
    yield from check_one_of("personal", vocabulary.Personal, column.personal)
    if column.known_at_prediction and column.role != "feature":
        yield must_be("known_at_prediction", f"absent from a column of role {column.role}", column.known_at_prediction)
    if not 0 <= column.missing <= 1:
        yield must_be("missing", "a share from 0 to 1", column.missing)
    yield from _bound_faults(column)
    yield from _category_faults(column)
    yield from _role_faults(column)
    yield from _picture_faults(column)


def _picture_faults(column: Column) -> Iterator[str]:
    sides = {"height": column.height, "width": column.width, "channels": column.channels}
    if column.dtype != "picture":
        for name, value in (*sides.items(), ("augment", list(column.augment))):
            if value:
                yield must_be(name, f"absent from a column of dtype {column.dtype}", value)
        return
    for name, value in sides.items():
        most = 4096 if name != "channels" else 4
        if type(value) is not int or not 1 <= value <= most or (name == "channels" and value == 2):
            yield must_be(name, "1, 3 or 4" if name == "channels" else f"a whole number from 1 to {most}", value)
            return
    if column.height * column.width * column.channels > MOST_VALUES:
        pixels = f"{column.height} by {column.width} by {column.channels}"
        yield f"height, width and channels must make at most {MOST_VALUES:,} values; got {pixels}: choose smaller ones."
    if column.role not in {"feature", "ignore"}:
        yield must_be("role", "'feature' or 'ignore' for a picture", column.role)
    for kind in column.augment:
        if kind not in AUGMENTATIONS:
            yield must_be("augment", f"of {', '.join(AUGMENTATIONS)}", kind)


def _bound_faults(column: Column) -> Iterator[str]:
    for what, bound in (("minimum", column.minimum), ("maximum", column.maximum)):
        if bound is not None and not math.isfinite(bound):
            yield must_be(what, "a finite number", bound)
        if bound is not None and column.dtype not in {"integer", "number"}:
            yield must_be(what, f"absent from a column of dtype {column.dtype}", bound)
    if column.minimum is not None and column.maximum is not None and column.minimum > column.maximum:
        yield must_be("minimum", f"at most the maximum {column.maximum:g}", column.minimum)


def _category_faults(column: Column) -> Iterator[str]:
    yield from check_one_of("unseen", vocabulary.Unseen, column.unseen)
    if column.unseen == "accept" and (column.categories is None or column.dtype != "string" or column.role == "target"):
        yield must_be(
            "unseen", "'refuse' unless the column is a text with categories and not the target", column.unseen
        )
    if column.categories is None:
        return
    if column.dtype == "picture":
        yield must_be("categories", "absent from a picture", list(column.categories[:3]))
    if not column.categories:
        yield must_be("categories", "a list of at least one text, or absent", [])
    if column.dtype == "timestamp":
        yield must_be("categories", "absent from a timestamp", list(column.categories[:3]))
    if column.dtype == "number" and column.role != "target":
        yield must_be("categories", "absent from a number; use dtype string", list(column.categories[:3]))
    kind = {"integer": int, "number": float}.get(column.dtype)
    for text in column.categories if kind else ():
        try:
            kind(text)  # type: ignore[misc]
        except ValueError:
            yield must_be("categories", f"a list of {column.dtype} texts", text)
    twice = [value for value, count in Counter(column.categories).items() if count > 1]
    if twice:
        yield must_be("categories", "different from one another", twice[:3])


def _role_faults(column: Column) -> Iterator[str]:
    yield from _format_faults(column)
    if column.role == "feature" and column.dtype == "timestamp":
        yield "role must not be 'feature' for a timestamp; use 'timestamp' and declare row features of it."
    if column.role == "timestamp" and column.dtype != "timestamp":
        yield must_be("dtype", "timestamp for the role 'timestamp'", column.dtype)
    if column.role == "target" and column.dtype == "timestamp":
        yield must_be("dtype", "a number, text or boolean for the target", column.dtype)
    if column.role == "feature" and column.dtype == "string" and column.categories is None:
        yield "categories must be listed for a text feature; list them, or use the role 'ignore'."
    if column.personal == "drop" and column.role != "ignore":
        yield must_be("role", "'ignore' for personal data that are dropped", column.role)
    if column.personal == "hash" and column.role not in {"ignore", "id", "group"}:
        yield must_be("role", "'ignore', 'id' or 'group' for personal data that are hashed", column.role)
    if column.personal == "hash" and (column.dtype != "string" or column.categories is not None):
        yield "dtype must be string, without categories, for personal data that are hashed."


def _format_faults(column: Column) -> Iterator[str]:
    if column.format and column.dtype in {"integer", "number"}:
        try:
            notation_of(column.format)
        except InputError as error:
            yield str(error)
    elif column.format and column.dtype != "timestamp":
        yield must_be("format", f"absent from a column of dtype {column.dtype}", column.format)


def feature_faults(feature: RowFeature) -> Iterator[str]:
    """Yield a sentence for each error in one row feature, taken alone."""
    if not feature.name:
        yield must_be("name", "a text that is not empty", feature.name)
    yield from check_one_of("kind", vocabulary.FeatureKind, feature.kind)
    count = 1 if feature.kind in _TIMES else 2
    if len(feature.columns) != count:
        yield must_be("columns", f"a list of {count} for {feature.kind}", list(feature.columns))
    if feature.kind == "holiday":
        from headrace.core.contracts.holidays import is_country  # noqa: PLC0415 - 0.2 s that few contracts need

        if not is_country(feature.country):
            yield must_be("country", "an ISO 3166 code whose holidays are known, such as US", feature.country)
    elif feature.country:
        yield must_be("country", f"absent from a feature of kind {feature.kind}", feature.country)
