"""The allowed values of a contract's fields, and the severity of each rule."""

from typing import Literal

Dtype = Literal["integer", "number", "string", "boolean", "timestamp", "picture"]
Role = Literal["feature", "target", "id", "group", "timestamp", "ignore"]
Grouping = Literal["", "inputs"]
Unseen = Literal["refuse", "accept"]
Personal = Literal["", "keep", "drop", "hash"]
Severity = Literal["off", "warn", "quarantine", "stop"]
Task = Literal["binary", "multiclass", "regression", "anomaly"]

# Tasks whose model answers one number for a row, not a class.
ANSWERS_NUMBER: frozenset[Task] = frozenset({"regression", "anomaly"})

FeatureKind = Literal["day_of_week", "weekend", "month", "hour", "holiday", "elapsed", "ratio", "product"]

# Texts that a boolean is read from, in lower case.
TRUE = ("true", "t", "yes", "y", "1", "1.0")
FALSE = ("false", "f", "no", "n", "0", "0.0")

# Rules about a single row; only these can quarantine one.
ROW_RULES = frozenset({"type", "finite", "range", "category", "target_missing"})

# Severities for which a row of a table is set aside and a request is refused.
REFUSING: frozenset[Severity] = frozenset({"quarantine", "stop"})

# What happens when a rule is broken, unless the contract says otherwise. `quarantine` sets the row aside, `stop` ends
# the run, `warn` only counts. Rules about a whole column or table cannot quarantine a row.
SEVERITIES: dict[str, Severity] = {
    "type": "quarantine",
    "finite": "quarantine",
    "range": "quarantine",
    "category": "quarantine",
    "target_missing": "quarantine",
    "columns": "stop",
    "unknown_columns": "warn",
    "missing": "warn",
    "duplicate_rows": "warn",
    "duplicate_keys": "warn",
    "constant": "warn",
    "leakage": "warn",
    "class_balance": "warn",
    "quarantined_share": "stop",
}
