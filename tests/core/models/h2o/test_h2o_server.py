"""Tests of what H2O needs before it is started."""

from pathlib import Path

import pytest

from headrace.core.base import settings
from headrace.core.base.errors import InputError, MissingError
from headrace.core.models import families
from headrace.core.models.h2o import h2o_server


def pretend(version: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a package h2o of a version be installed."""
    made = folder / f"h2o-{version}.dist-info"
    made.mkdir()
    (made / "METADATA").write_text(f"Metadata-Version: 2.1\nName: h2o\nVersion: {version}\n")
    monkeypatch.syspath_prepend(str(folder))


def test_without_h2o_a_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any fold is fitted."""

    def absent(name: str) -> str:
        raise h2o_server.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(h2o_server.metadata, "version", absent)
    with pytest.raises(InputError, match=r"need the package h2o 3\.46\.0\.11; it is not installed: pip install"):
        families.family("h2o_gbm").check_installed()
    families.family("logistic").check_installed()


def test_a_newer_h2o_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would fit models, and then refuse to give them.

    Surprise: since 3.46.0.12 ``download_mojo`` raises "MOJO export requires H2O-3 Secure", a paid product.
    """
    pretend("3.46.0.12", tmp_path, monkeypatch)
    with pytest.raises(InputError, match=r"need h2o 3\.46\.0\.11, .*; 3\.46\.0\.12 is installed"):
        h2o_server.check_installed()


def test_without_java_a_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is a Java program."""
    pretend("3.46.0.11", tmp_path, monkeypatch)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingError, match="must be installed to fit a model of H2O; there is no java in PATH"):
        h2o_server.check_installed()


@pytest.mark.parametrize("text", ["lots", "2", "-1g", "2g -Dx=y", "0g"])
def test_a_memory_that_is_no_size_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It becomes a word of a command line."""
    monkeypatch.setenv("HEADRACE_H2O_MEMORY", text)
    with pytest.raises(InputError, match="HEADRACE_H2O_MEMORY must be a size"):
        settings.h2o_memory()


def test_of_a_job_that_failed_the_reason_is_said() -> None:
    """Not the key and the classes of Java that stand before it.

    H2O 3.46.0.11 on an autoencoder whose activations grow without bounds.
    """
    error = OSError(
        "Job with key $0301_b2 failed with an exception: DistributedException from /127.0.0.1:48483: '\n\n"
        "Trying to predict with an unstable model.\nJob was aborted\nstacktrace: \nDistributedException from"
    )
    assert h2o_server._first_sentence(error) == "it said 'Trying to predict with an unstable model.'"
