"""The columns of the rows that a model has scored, as they are stored.

One row of the table is one row of a request, with its answer:

=====================  ==============================================================================================
``request_id``         Text: the id that request and response share.
``row``                Int32: position in the request, from 0.
``time``               Datetime (microseconds, UTC): time of the request, as its event says.
``model_digest``       Text: digest of the bundle that answered; empty if the event does not say.
``input_<column>``     A column of the contract as the client sent it: text, Float64, Int64 or Boolean, whichever holds
                       all values of the file without loss; null where it was missing. Keys of the contract too, if
                       the request held them. Never a personal column.
``label``              Text: the predicted class; null for a regression, or without an answer.
``probability_<class>``  Float64, for each class; null without an answer.
``value``              Float64: the predicted value of a regression; null without an answer.
=====================  ==============================================================================================

A row without an answer (refused, or its response is not logged) has nulls; a row whose request is not logged has nulls
in all inputs. Event time decides the hour; rows are unique by ``request_id`` and ``row`` within an hour.
"""

import polars as pl

REQUEST_ID = "request_id"
ROW = "row"
TIME = "time"
MODEL_DIGEST = "model_digest"
LABEL = "label"
VALUE = "value"
INPUT_PREFIX = "input_"
PROBABILITY_PREFIX = "probability_"

FIXED_COLUMNS = {
    REQUEST_ID: pl.String(),
    ROW: pl.Int32(),
    TIME: pl.Datetime("us", "UTC"),
    MODEL_DIGEST: pl.String(),
}


def select_inputs(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the inputs of stored rows under the contract's names."""
    names = [name for name in rows.columns if name.startswith(INPUT_PREFIX)]
    return rows.select(pl.col(name).alias(name.removeprefix(INPUT_PREFIX)) for name in names)
