"""What an engine refuses before Java is asked; the rest needs a real MOJO: tests/real/test_mojo_engine.py."""

import io
import zipfile
from pathlib import Path

import pytest

from headrace.core.base.errors import BundleError, MissingError
from headrace.core.mojo.mojo_description import MojoDescription, MojoInput
from headrace.core.mojo.mojo_engine import MojoEngine

DESCRIPTION = MojoDescription("3.46.0.11", "gbm", "Regression", (MojoInput("age", 0, None),), ())


def make_zip(name: str = "model.ini") -> bytes:
    """A ZIP with one stored file."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(name, "[info]\nh2o_version = 3.46.0.11\n")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is no whole ZIP"),
        (make_zip()[:-30], "it is no whole ZIP"),
        (make_zip().replace(b"[info]", b"[inf0]"), "its model.ini is damaged"),
        (make_zip("other.ini"), "it has no model.ini"),
    ],
)
def test_a_damaged_archive_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    """h2o-genmodel 3.46.0.11 reads a damaged entry: Java's ZIP reader of files does not compare its sum."""
    (tmp_path / "model.mojo").write_bytes(content)
    with pytest.raises(BundleError, match=f"must be a MOJO as H2O wrote it; {said}"):
        MojoEngine.open(tmp_path / "model.mojo", DESCRIPTION)


def test_what_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The MOJO, Java, the suite's Java library, each with what to do."""
    with pytest.raises(BundleError, match=r"must hold a MOJO; .* cannot be read"):
        MojoEngine.open(tmp_path / "model.mojo", DESCRIPTION)
    (tmp_path / "model.mojo").write_bytes(make_zip())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingError, match=r"Java 17 or newer must be installed to score a MOJO .* install a JRE"):
        MojoEngine.open(tmp_path / "model.mojo", DESCRIPTION)
    (tmp_path / "java").write_text("#!/bin/sh\n")
    (tmp_path / "java").chmod(0o755)
    monkeypatch.setenv("HEADRACE_JVM_LIBRARY", str(tmp_path / "absent.jar"))
    with pytest.raises(MissingError, match=r"Java library must exist to score a MOJO .*absent.jar: run `make jvm`"):
        MojoEngine.open(tmp_path / "model.mojo", DESCRIPTION)


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        ("Error: java.lang.UnsupportedClassVersionError: headrace", MissingError, "java in PATH is older"),
        ("Caused by: java.lang.ClassNotFoundException: headrace.jvm", MissingError, "must be of this Headrace"),
        ("Could not reserve enough space", BundleError, "it ended with 1: Could not reserve enough space"),
    ],
)
def test_a_java_that_does_not_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, error: type[Exception], said: str
) -> None:
    """An older Java, an older library, no memory."""
    (tmp_path / "model.mojo").write_bytes(make_zip())
    (tmp_path / "library.jar").write_bytes(b"")
    (tmp_path / "java").write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n")
    (tmp_path / "java").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HEADRACE_JVM_LIBRARY", str(tmp_path / "library.jar"))
    with pytest.raises(error, match=said):
        MojoEngine.open(tmp_path / "model.mojo", DESCRIPTION)
