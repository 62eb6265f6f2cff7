"""What an examination found."""

import pytest

from headrace.core.base.diagnostics import ORDER, Diagnostic, as_dict, good, worst
from headrace.core.base.settings import unknown_variables


def test_the_worst_counts() -> None:
    """Bad is worse than a warning, a warning than what could not be looked at; nothing is well."""
    findings = [good("a", "b"), Diagnostic("a", "note", "b")]
    assert worst(findings) == "note"
    for state in reversed(ORDER[:-2]):
        findings.append(Diagnostic("a", state, "b"))
        assert worst(findings) == state
    assert worst([]) == "good"


def test_findings_for_programs() -> None:
    """All of them, counted by state; only what is bad stands in the way."""
    told = as_dict([good("a", "b"), Diagnostic("c", "warning", "d", "e")])
    assert told["ok"]
    assert (told["counts"]["good"], told["counts"]["warning"], told["counts"]["bad"]) == (1, 1, 0)
    assert told["findings"][1] == {"area": "c", "state": "warning", "text": "d", "remedy": "e"}
    assert not as_dict([Diagnostic("c", "bad", "d")])["ok"]


def test_variables_that_nothing_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable with a slip in its name is told with the one that it resembles."""
    before = unknown_variables()
    monkeypatch.setenv("HEADRACE_S3_ENDPOINTS", "http://x")
    monkeypatch.setenv("HEADRACE_QZX", "1")
    monkeypatch.setenv("HEADRACE_S3_BUCKET", "b")
    found = {name: meant for name, meant in unknown_variables().items() if name not in before}
    assert found == {"HEADRACE_S3_ENDPOINTS": "HEADRACE_S3_ENDPOINT", "HEADRACE_QZX": ""}
