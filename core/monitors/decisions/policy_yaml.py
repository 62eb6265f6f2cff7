"""The monitoring policy as YAML, for people to read and edit."""

from pathlib import Path

from headrace.core.base.errors import InputError, MissingError
from headrace.core.base.yaml_text import parse_yaml
from headrace.core.monitors.decisions.policy import MonitoringPolicy
from headrace.core.monitors.reports.monitor_kinds import MONITORS

FILE = "monitoring.yaml"
_MOST_BYTES = 1 << 20

_DEFAULT = """\
# Monitoring policy: what is watched of a model in use, and what follows. Edit it; each line is checked.
format: 1

# Length of a window: hour, day or week. Each window gets one report and one decision.
window: day

# An action follows when a monitor is violated in n of the latest k windows; windows with broken data do not count.
violated_windows: 3      # n
considered_windows: 5    # k

# How many reports of a year may raise an alarm though nothing has changed, all monitors and columns together.
false_alarms_per_year: 1

# The monitors that are on, each with its action: warn, retrain or roll_back. A minimum or a maximum is the bound beyond
# which it is violated; without one its own test decides. subjects names the columns, metrics or slices that count.
# Broken data stop everything else, also where their monitor is off. A maximum says how much is no fault, such as
# duplicate_rows: {maximum: 0.6}; rows that break the contract are one whatever stands here.
monitors:
  contract_violations: {}
  missing: {}
  unseen_categories: {}
  input_drift: {action: warn}
  joint_drift: {action: warn}
  prediction_drift: {action: warn}
  drift_attribution: {}
  estimated_performance: {action: warn}
  measured_performance: {action: warn}
  slice_performance: {action: warn}
  degradation: {action: retrain}
  # These need Prometheus, or the server's own /metrics:
  # availability: {action: warn, minimum: 0.99}
  # error_rate: {action: roll_back, maximum: 0.05}
  # latency: {action: warn, maximum: 0.5}
MONITORS
retraining:
  # Upper bound: retrain after so many days, whatever the monitors say; 0 for no upper bound.
  at_least_every_days: 365
  # Lower bound: never sooner after the last training, and never on fewer new labelled rows.
  at_most_every_days: 30
  least_new_labels: 1000
  # true if labels come at once: then a test of new against old decides instead of least_new_labels.
  instant_feedback: false
  # Rows to train on: expanding (old and new), sliding (with sliding_days: 90), or weighted (with half_life_days: 90).
  rows: expanding
  # What may become wider in the contract without being asked, such as [categories, range, missing].
  widen_contract: []

# Days after a retraining or a pull-out in which monitors cause neither.
cool_down_days: 7

# When a model is pulled out: roll_back (the version before), shadow (it answers, unused), baseline (a constant answer).
pull_out: roll_back

# What waits for a person (headrace approve): retrain, roll_out, roll_back, raise_contract.
approve: [roll_out, raise_contract]
"""


def default_text() -> str:
    """Return the default policy with comments, which name every monitor that is off."""
    head, _, rest = _DEFAULT.partition("MONITORS\n")
    off = [name for name in MONITORS if f"{name}: {{" not in head]
    lines = ["  # Off, and could be on:"]
    for name in off:
        if len(lines[-1]) + len(name) > 110:
            lines.append("  #  ")
        lines[-1] += f" {name}"
    return head + "\n".join(lines) + "\n\n" + rest


def load_policy(path: Path) -> MonitoringPolicy:
    """Read a policy.

    Args:
        path: YAML file.

    Raises:
        MissingError: If there is no such file.
        InputError: If it is not a policy, or one that can never fire, always fires or contradicts itself.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
        text = data.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise MissingError(f"there is no monitoring policy {path}; headrace monitor policy prints one.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the monitoring policy {path} must be a text file that can be read; {error}.") from error
    if len(data) > _MOST_BYTES:
        raise InputError(f"the monitoring policy {path} must have at most {_MOST_BYTES:,} bytes; it has more.")
    return parse_policy(text, source=path.name)


def parse_policy(text: str, *, source: str = FILE) -> MonitoringPolicy:
    """Read a policy from YAML text; what it leaves out has its default.

    Args:
        text: The document.
        source: What messages call it.

    Raises:
        InputError: If it is not a policy, or one that can never fire, always fires or contradicts itself.
    """
    values = parse_yaml(text, source=source)
    try:
        return MonitoringPolicy.from_json(_with_empty_rules(values))
    except InputError as error:
        raise InputError(f"{source}: {error}") from error


def _with_empty_rules(values: object) -> object:
    """Return the values with ``{}`` for a monitor that is named without anything, as ``input_drift:``."""
    if not isinstance(values, dict) or not isinstance(values.get("monitors"), dict):
        return values
    return {**values, "monitors": {name: {} if rule is None else rule for name, rule in values["monitors"].items()}}
