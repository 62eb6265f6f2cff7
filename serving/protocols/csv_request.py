"""CSV tables, as clients of MLflow and SageMaker send them.

Source: https://www.rfc-editor.org/rfc/rfc4180; https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally.
"""

import csv
import io

from headrace.core.base.errors import RequestError, quote
from headrace.serving.model.limits import RequestLimits
from headrace.serving.model.served_model import InputRows
from headrace.serving.protocols.json_body import check_row_count
from headrace.serving.protocols.media_type import MediaType

_HEADER = ("present", "absent")


def read_rows(content: bytes, media: MediaType, limits: RequestLimits) -> InputRows:
    """Return the rows of a CSV table as texts, which the contract parses as it does those of a training table.

    Args:
        content: UTF-8, fields separated by commas, stripped of blanks as in a training table; an empty field is a
            missing value.
        media: Its type; ``header=absent`` means that its columns are the contract's inputs, in order.
        limits: Limits, of which ``rows`` applies.

    Returns:
        Columns of n values by the names in the header; n rows if there is no header.

    Raises:
        RequestError: If it is not such a table.
    """
    header = media.parameters.get("header", "present")
    if header not in _HEADER:
        raise RequestError(f"header of text/csv must be {' or '.join(_HEADER)}; got {quote(header, 40)}.", "media")
    rows = _rows(content, limits, has_header=header == "present")
    if header == "absent":
        return rows
    if not rows:
        raise RequestError("a CSV table must begin with the names of its columns; got none.")
    names = rows[0]
    if len(set(names)) < len(names):
        raise RequestError("the columns of a CSV table must be different; a name occurs twice.", "columns")
    columns = list(zip(*rows[1:], strict=True)) if len(rows) > 1 else [()] * len(names)
    return {name: list(values) for name, values in zip(names, columns, strict=True)}


def _rows(content: bytes, limits: RequestLimits, *, has_header: bool) -> list[list[str]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(f"a CSV table must be UTF-8; byte {error.start} is not.") from error
    rows: list[list[str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True)
    try:
        for row in reader:
            if not row:
                continue
            if rows and len(row) != len(rows[0]):
                raise RequestError(
                    f"line {reader.line_num} of the CSV table must hold {len(rows[0])} fields, like the first one; "
                    f"got {len(row)}.",
                    "shape",
                )
            rows.append([field.strip(" \t") for field in row])
            check_row_count(len(rows) - has_header, limits)
    except csv.Error as error:
        raise RequestError(f"line {reader.line_num} of the CSV table cannot be read; {error}.") from error
    return rows
