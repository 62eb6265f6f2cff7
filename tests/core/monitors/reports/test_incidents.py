"""Incidents: one notice when they begin, one when they are over, however often a report is taken in."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.core.monitors.reports.incidents import (
    FORMAT,
    IncidentLog,
    drop_finished,
    find_due,
    record_sent,
    take_report,
)
from headrace.core.monitors.reports.monitor_report import Status
from tests.monitoring.made_reports import make_report, make_result

EMPTY = IncidentLog(FORMAT, "tumours")
STATUSES: list[Status] = ["ok", "violated", "data_fault", "unknown"]


@given(
    days=st.lists(st.lists(st.sampled_from(STATUSES), min_size=3, max_size=3), max_size=12),
    fails=st.sets(st.integers(1, 12)),
)
def test_each_incident_is_told_once_to_each_address(days: list[list[Status]], fails: set[int]) -> None:
    """Whatever happens, and whenever an address fails: beginnings and ends alternate, and none is told twice.

    An address that always works gets every beginning and every end; one that fails at times gets every end.
    """
    log = EMPTY
    told: dict[str, list[tuple[str, str, str]]] = {"mail": [], "hook": []}
    for day, statuses in enumerate(days, 1):
        results = [make_result(subject=name, status=one) for name, one in zip("abc", statuses, strict=True)]
        log = take_report(log, make_report(*results, day=day))
        for address, messages in told.items():
            if address == "hook" and day in fails:
                continue
            due = find_due(log, address)
            messages += [("begins", one.subject, one.opened) for one in due.opened]
            messages += [("ends", one.subject, one.opened) for one in due.resolved]
            log = record_sent(log, address, due)
            assert not find_due(log, address)
        log = drop_finished(log, told)
    for messages in told.values():
        assert len(messages) == len(set(messages))
    expected = []
    bad: dict[int, str] = {}
    for day, statuses in enumerate(days, 1):
        end = make_report(day=day).window.end
        begins = [place for place, one in enumerate(statuses) if one in {"violated", "data_fault"} and place not in bad]
        ends = [place for place, one in enumerate(statuses) if one == "ok" and place in bad]
        expected += [("begins", "abc"[place], end) for place in begins]
        expected += [("ends", "abc"[place], bad.pop(place)) for place in ends]
        bad.update(dict.fromkeys(begins, end))
    assert sorted(told["mail"]) == sorted(expected)
    if 12 not in fails and len(days) == 12:
        assert {one for one in expected if one[0] == "ends"} == {one for one in told["hook"] if one[0] == "ends"}


def test_a_report_is_taken_in_once() -> None:
    """Run again, or an older window after a newer one: nothing changes."""
    log = take_report(EMPTY, make_report(make_result(), day=3))
    assert take_report(log, make_report(make_result(status="ok"), day=3)) == log
    assert take_report(log, make_report(make_result(status="ok"), day=2)) == log
    assert take_report(log, make_report(make_result(status="ok"), day=4)) != log


def test_what_is_unknown_ends_nothing() -> None:
    """A Prometheus that is down is no recovery; neither is a monitor that did not run."""
    log = take_report(EMPTY, make_report(make_result()))
    for report in (make_report(make_result(status="unknown"), day=2), make_report(day=2)):
        assert not take_report(log, report).incidents[0].resolved


def test_a_subject_that_is_gone_ends_its_incident() -> None:
    """A pod that was replaced never recovers, though others of its monitor are reported."""
    log = take_report(EMPTY, make_report(make_result("memory", "pod-1")))
    (incident,) = take_report(log, make_report(make_result("memory", "pod-2", "ok"), day=2)).incidents
    assert incident.resolution == "There is no pod pod-1 any more."


def test_what_was_over_before_anybody_knew_is_one_notice() -> None:
    """Of its end, with its beginning in it."""
    log = take_report(EMPTY, make_report(make_result()))
    log = take_report(log, make_report(make_result(status="ok"), day=2))
    due = find_due(log, "mail")
    assert (due.opened, len(due.resolved)) == ((), 1)
    assert drop_finished(record_sent(log, "mail", due), ["mail"]).incidents == ()


def test_the_log_is_a_document() -> None:
    """Written and read again it is the same."""
    log = record_sent(take_report(EMPTY, make_report(make_result())), "mail", find_due(EMPTY, "mail"))
    assert IncidentLog.from_json(log.as_json()) == log
