"""Notices to real servers on this machine: once per incident, tried again, never with a secret in sight."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_string
from pathlib import Path

import pytest

from headrace.core.base.errors import InputError
from headrace.monitoring.notices.incident_store import IncidentStore
from headrace.monitoring.notices.notice_sender import NoticeAddress, parse_addresses, read_addresses
from headrace.monitoring.notices.notice_text import MOST_LINES
from headrace.monitoring.notices.send_notices import send_notices
from headrace.stores.objects.folder_objects import FolderStore
from headrace.stores.objects.open_objects import StorePlace
from tests.monitoring.made_reports import make_report, make_result
from tests.monitoring.notices.receivers import Receiver, mail_server, webhook

SECRET = "token-9c1f"
BAD, GOOD, UNKNOWN = make_result(), make_result(status="ok"), make_result(status="unknown")


@pytest.fixture
def hook() -> Iterator[Receiver]:
    """A webhook."""
    with webhook() as receiver:
        yield receiver


@pytest.fixture
def mail() -> Iterator[Receiver]:
    """A mail server."""
    with mail_server() as receiver:
        yield receiver


@dataclass
class Setup:
    """A monitoring store and addresses."""

    place: StorePlace
    addresses: tuple[NoticeAddress, ...] = field(default=())


@pytest.fixture
def setup(hook: Receiver, mail: Receiver, tmp_path: Path) -> Setup:
    """Notices go to both."""
    addresses = (
        f"json://127.0.0.1:{hook.port}/{SECRET}",
        f"mailto://127.0.0.1:{mail.port}?from=monitor@example.org&to=ops@example.org&smtp=127.0.0.1&mode=insecure",
    )
    parsed = parse_addresses(addresses)
    for address in parsed:
        address.service.request_rate_per_sec = 0  # Apprise would wait five seconds before a second notice
    return Setup(StorePlace(FolderStore(tmp_path / "store"), "monitoring/"), parsed)


def test_a_notice_for_each_incident_and_its_end(setup: Setup, hook: Receiver, mail: Receiver) -> None:
    """In three reports an incident goes on: one notice; in the fourth it is over: another; then none."""
    for day, result in enumerate((BAD, BAD, UNKNOWN, GOOD, GOOD), 1):
        outcome = send_notices(make_report(result, day=day), place=setup.place, addresses=setup.addresses)
        assert outcome.failures == ()
    begins, ends = hook.received
    assert (begins["title"], begins["type"]) == ("tumours: 1 new incident", "warning")
    assert begins["message"] == "New:\n- input_drift age, since 2026-03-02T00:00:00Z: age is violated."
    assert (ends["title"], ends["type"]) == ("tumours: 1 incident over", "success")
    assert "from 2026-03-02T00:00:00Z to 2026-03-05T00:00:00Z: age is ok." in ends["message"]
    first, second = map(message_from_string, mail.received)
    assert (first["Subject"], first["To"]) == ("tumours: 1 new incident", "ops@example.org")
    assert second["Subject"] == "tumours: 1 incident over"
    assert IncidentStore(setup.place, "tumours").load().incidents == ()


def test_an_address_that_fails_is_tried_again_alone(setup: Setup, hook: Receiver, mail: Receiver) -> None:
    """The other one gets nothing twice; the failure has a reason and no secret."""
    hook.status = 503
    (failure,) = send_notices(make_report(BAD), place=setup.place, addresses=setup.addresses).failures
    assert "a notice must be taken by JSON 1, which fails: " in failure
    assert "503" in failure
    assert SECRET not in failure
    hook.status = 200
    outcome = send_notices(make_report(BAD, day=2), place=setup.place, addresses=setup.addresses)
    assert outcome.sent == ("tumours: 1 new incident (JSON 1)",)
    assert (len(hook.received), len(mail.received)) == (1, 1)


def test_no_secret_is_in_a_failure(setup: Setup, caplog: pytest.LogCaptureFixture) -> None:
    """A password of mail that is not delivered, a token of a webhook that does not answer, an error in a plugin."""
    addresses = parse_addresses(
        [
            f"mailto://monitor:{SECRET}@127.0.0.1:9?from=a@example.org&to=b@example.org&smtp=127.0.0.1&mode=insecure",
            f"json://user:{SECRET}@127.0.0.1:9/{SECRET}?token={SECRET}",
            f"json://127.0.0.1:9/{SECRET}",
        ]
    )
    addresses[2].service.notify = lambda **_: [][int(SECRET)]
    with caplog.at_level(logging.DEBUG):
        failures = send_notices(make_report(BAD), place=setup.place, addresses=addresses).failures
    assert [failure.split(",")[0] for failure in failures] == [
        "a notice must be taken by E-Mail 1",
        "a notice must be taken by JSON 1",
        "a notice must be taken by JSON 2",
    ]
    assert "ValueError in Apprise's plugin" in failures[2]
    assert SECRET not in " ".join(failures) + caplog.text


def test_a_report_that_is_run_again_sends_what_failed(setup: Setup, hook: Receiver, mail: Receiver) -> None:
    """The same window again: the incident is not new, but its notice is still due to the server that was down."""
    mail.status = 451
    report = make_report(BAD)
    assert len(send_notices(report, place=setup.place, addresses=setup.addresses).failures) == 1
    mail.status = 250
    assert send_notices(report, place=setup.place, addresses=setup.addresses).failures == ()
    assert (len(hook.received), len(mail.received)) == (1, 1)


def test_a_process_killed_between_sending_and_recording_sends_again(
    setup: Setup, hook: Receiver, mail: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least once: the address that had just taken it gets it once more, no other one does."""
    saves: list[int] = []
    save = IncidentStore.save

    def die(store: IncidentStore, log: object) -> None:
        saves.append(1)
        if len(saves) == 3:
            raise KeyboardInterrupt
        save(store, log)  # type: ignore[arg-type]

    monkeypatch.setattr(IncidentStore, "save", die)
    with pytest.raises(KeyboardInterrupt):
        send_notices(make_report(BAD), place=setup.place, addresses=setup.addresses)
    monkeypatch.undo()
    assert send_notices(make_report(BAD), place=setup.place, addresses=setup.addresses).failures == ()
    assert (len(hook.received), len(mail.received)) == (1, 2)
    assert hook.received[0]["message"].splitlines()[1] in mail.received[0].replace("=\r\n", "")


def test_many_incidents_are_one_notice(setup: Setup, hook: Receiver) -> None:
    """A notice lists the first ones and says how many more there are."""
    results = [make_result(subject=f"column_{number}") for number in range(50)]
    send_notices(make_report(*results), place=setup.place, addresses=setup.addresses)
    (document,) = hook.received
    assert document["title"] == "tumours: 50 new incidents"
    assert len(document["message"].splitlines()) == MOST_LINES + 2
    assert document["message"].endswith("- and 30 more")


def test_without_addresses_incidents_are_kept(setup: Setup, hook: Receiver) -> None:
    """One that is added later is notified of what is still open."""
    assert send_notices(make_report(BAD), place=setup.place, addresses=()).sent == ()
    send_notices(make_report(BAD, day=2), place=setup.place, addresses=setup.addresses)
    assert "since 2026-03-02T00:00:00Z" in hook.received[0]["message"]


def test_a_broken_store_stops_no_monitor(setup: Setup, hook: Receiver, tmp_path: Path) -> None:
    """It is a failure with a sentence; nothing is sent that could not be recorded."""
    folder = tmp_path / "store" / "monitoring" / "tumours" / "notices"
    folder.mkdir(parents=True)
    (folder / "000000000001.json").write_text("{}")
    (failure,) = send_notices(make_report(BAD), place=setup.place, addresses=setup.addresses).failures
    assert "a log of incidents must be what headrace monitor writes" in failure
    assert hook.received == []


def test_addresses_come_from_the_environment_and_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As from a mounted Secret, with comments; they have names without secrets."""
    monkeypatch.setenv("HEADRACE_NOTICE_ADDRESSES", f"json://127.0.0.1/{SECRET} jsons://example.org/{SECRET}")
    assert [address.name for address in read_addresses()] == ["JSON 1", "JSON 2"]
    file = tmp_path / "addresses"
    file.write_text(f"# ours\nslack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general\n\nxml://h/{SECRET}\n")
    monkeypatch.setenv("HEADRACE_NOTICE_ADDRESSES_FILE", str(file))
    addresses = read_addresses()
    assert [address.name for address in addresses] == ["JSON 1", "JSON 2", "Slack 1", "XML 1"]
    assert SECRET not in repr(addresses)


def test_a_wrong_address_is_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    """Neither in a message nor in a log, where Apprise would write a part of it."""
    with caplog.at_level(logging.DEBUG), pytest.raises(InputError) as caught:
        parse_addresses([f"json://127.0.0.1/{SECRET}", f"nonsense://{SECRET}"])
    assert "address 2 of HEADRACE_NOTICE_ADDRESSES must be a URL that Apprise knows" in str(caught.value)
    assert SECRET not in str(caught.value) + caplog.text


def test_a_file_that_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Absent, or too large."""
    monkeypatch.setenv("HEADRACE_NOTICE_ADDRESSES_FILE", str(tmp_path / "absent"))
    with pytest.raises(InputError, match="must name a readable file"):
        read_addresses()
    (tmp_path / "absent").write_bytes(b"#" * (1 << 17))
    with pytest.raises(InputError, match="at most 65536 bytes"):
        read_addresses()
