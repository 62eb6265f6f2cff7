"""Tests of archives of MOJOs, as a store or H2O may give them."""

import io
import zipfile

import pytest

from headrace.core.base.errors import BundleError
from headrace.core.mojo import mojo_archive
from tests.core.mojo import made_mojo
from tests.core.mojo.made_mojo import archive, ini, mojo


def test_a_mojo_says_what_it_is() -> None:
    """Version, algorithm, columns and levels are read."""
    facts = mojo_archive.read(mojo())
    assert (facts.version, facts.algorithm, facts.category) == ("3.46.0.11", "gbm", "Binomial")
    assert (facts.inputs, facts.response) == (("age", "plan"), "target")
    assert facts.domains == {1: ("c000000", "c000002"), 2: ("c000000", "c000001")}
    assert mojo_archive.is_described(facts, made_mojo.DESCRIPTION)


def test_a_mojo_without_a_target_has_no_response() -> None:
    """The last column of an isolation forest is an input like the others."""
    text = ini(algo="isolationforest", category="AnomalyDetection", supervised="false")
    text = text.replace(b"\ntarget\n", b"\n").replace(b"2: 2 d001.txt\n", b"")
    facts = mojo_archive.read(mojo({"model.ini": text}))
    assert (facts.inputs, facts.response) == (("age", "plan"), None)


def test_equal_models_of_two_runs_give_equal_bytes() -> None:
    """Times, identifiers, the JSON of the whole model and the names of AutoML's runs are left out."""
    name = "models/GBM/GBM_1_AutoML_{}_20261129_8285{}/model.ini"
    one, other = (
        mojo(
            {
                "model.ini": ini(
                    uuid=str(run), timestamp=str(run), base_model0=f"GBM_1_AutoML_{run}_20261129_8285{run}"
                ),
                "experimental/modelDetails.json": str(run).encode(),
                name.format(run, run): ini(uuid=str(run)),
            }
        )
        for run in (1, 2)
    )
    assert one == other
    assert "models/GBM/GBM_1/model.ini" in zipfile.ZipFile(io.BytesIO(one)).namelist()
    assert b"base_model0 = GBM_1\n" in one


def test_a_normalized_mojo_stays_as_it_is() -> None:
    """What was kept is kept the same."""
    assert mojo_archive.normalize(mojo()) == mojo()


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (
            {"model.ini": ini(h2o_version="3.46.0.12")},
            r"must be a MOJO of H2O 3\.46\.0\.11; it is of version '3\.46\.0\.12'",
        ),
        ({"models/GBM/a/model.ini": ini(h2o_version="3.44.0.1")}, r"it is of version '3\.44\.0\.1'"),
        ({"model.ini": ini(algo="pca")}, "it is of 'pca'"),
        ({"model.ini": b"[info]\nnothing"}, "must be a MOJO that Headrace kept"),
        ({"domains/d000.txt": b"c000000\n"}, r"must hold the levels of its columns; d000\.txt"),
        ({"model.ini": b"\xff\xfe"}, "must be a MOJO that Headrace kept"),
    ],
)
def test_another_content_is_refused_in_a_sentence(files: dict[str, bytes], sentence: str) -> None:
    """Another version, another algorithm, levels that are not those of its columns, and no text."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(mojo())) as source, zipfile.ZipFile(written, "w") as target:
        for name in {*source.namelist(), *files}:
            target.writestr(name, files[name] if name in files else source.read(name))
    with pytest.raises(BundleError, match=sentence):
        mojo_archive.read(written.getvalue())


@pytest.mark.parametrize("name", ["../up.txt", "/etc/passwd", "Evil.class", "trees/../../x.bin", "META-INF/x.jar"])
def test_a_file_that_no_mojo_has_is_refused(name: str) -> None:
    """No path leads out, and no code lies beside."""
    with pytest.raises(BundleError, match="must hold files of a MOJO only"):
        mojo_archive.read(archive({name: b"x"}, compression=zipfile.ZIP_STORED))


def test_what_is_compressed_could_be_a_bomb_and_is_refused() -> None:
    """Headrace keeps MOJOs uncompressed."""
    files = {"trees/t00_001.bin": b"\x00" * 10_000_000}
    with pytest.raises(BundleError, match="must not be compressed"):
        mojo_archive.read(zip_of(files, zipfile.ZIP_DEFLATED))


def zip_of(files: dict[str, bytes], compression: int) -> bytes:
    """A ZIP of a MOJO's own files and these."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression=compression) as written:
        for name, content in {"model.ini": ini(), **made_mojo.LEVELS, **files}.items():
            written.writestr(name, content)
    return target.getvalue()


def test_a_damaged_entry_is_named() -> None:
    """A changed byte is found before Java reads it."""
    content = bytearray(mojo())
    content[content.index(b"c000002") + 6] ^= 1
    with pytest.raises(BundleError, match=r"'domains/d000\.txt' in it is damaged"):
        mojo_archive.read(bytes(content))


@pytest.mark.parametrize("content", [b"", b"no zip", mojo()[:-30]])
def test_what_is_no_zip_is_refused(content: bytes) -> None:
    """By the reader of bundles, and by that of what H2O gives."""
    with pytest.raises(BundleError, match=r"model\.mojo must be a MOJO"):
        mojo_archive.read(content)
    with pytest.raises(BundleError, match="H2O must give a MOJO"):
        mojo_archive.normalize(content)
