"""What the image is made of, as far as no container engine is needed."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from headrace.core.base.errors import InputError, InternalError
from headrace.core.base.files import sha256
from headrace.pipelines.definitions.catalogue import PIPELINES
from images.build import build
from images.wheels import locked_wheels, own_wheel, platforms, read_pins
from tests.conftest import REPOSITORY
from tests.images.conftest import missing
from tests.images.made_wheels import made_wheel
from tests.images.test_pipelines import CASES
from tests.test_structure import PACKAGES, folder_of


def _lock(path: Path, digest: str, requirement: str = "made-up==1.0") -> Path:
    path.write_text(f"{requirement} \\\n    --hash=sha256:{digest}\n")
    return path


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which pip looks for everything, instead of in an index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_every_pipeline_is_run_in_containers() -> None:
    """A pipeline without a case there would not be."""
    assert set(CASES) == set(PIPELINES)


def test_wheels_fit_the_image_and_not_this_machine() -> None:
    """Tags go from the glibc of the base image down to the oldest, for its processor; pure wheels come last."""
    tags = platforms("aarch64")
    assert tags[0] == "manylinux_2_36_aarch64"
    assert {"manylinux_2_17_aarch64", "manylinux2014_aarch64"} < set(tags)
    assert tags[-1] == "any"
    assert "manylinux_2_37_aarch64" not in tags


def test_the_lock_of_a_folder_names_each_wheel_by_its_hash(tmp_path: Path) -> None:
    """In the order of their names, whatever the order of the folder."""
    later, first = made_wheel(tmp_path, "zeta"), made_wheel(tmp_path, "alpha_beta")
    lines = [f"alpha-beta==1.0 --hash=sha256:{sha256(first)}", f"zeta==1.0 --hash=sha256:{sha256(later)}"]
    assert read_pins(tmp_path).splitlines() == lines


def test_wheels_of_a_lock_are_fetched_once(index: Path, tmp_path: Path) -> None:
    """The folder is kept as long as it was made of this lock for this processor, and made anew otherwise."""
    lock = _lock(tmp_path / "lock", sha256(made_wheel(index)))
    wheels = locked_wheels(lock, tmp_path / "context", architecture="amd64")
    assert sorted(path.name for path in wheels.iterdir()) == ["made_up-1.0-py3-none-any.whl", "wheels.lock"]
    made = wheels.stat().st_ino
    assert locked_wheels(lock, tmp_path / "context", architecture="amd64").stat().st_ino == made
    _lock(lock, sha256(made_wheel(index, version="2.0")), "made-up==2.0")
    again = locked_wheels(lock, tmp_path / "context", architecture="amd64")
    assert sorted(path.name for path in again.iterdir()) == ["made_up-2.0-py3-none-any.whl", "wheels.lock"]
    (index / "made_up-2.0-py3-none-any.whl").unlink()
    with pytest.raises(InternalError, match="pip download"):
        locked_wheels(lock, tmp_path / "context", architecture="arm64")


def test_a_file_with_another_hash_is_refused(index: Path, tmp_path: Path) -> None:
    """What the folder held stays as it was, and nothing is left beside it."""
    lock = _lock(tmp_path / "lock", sha256(made_wheel(index)))
    wheels = locked_wheels(lock, tmp_path / "context", architecture="amd64")
    before = (wheels / "wheels.lock").read_text()
    with pytest.raises(InternalError, match=r"pip download ended with code \d+"):
        locked_wheels(_lock(lock, "0" * 64), tmp_path / "context", architecture="amd64")
    assert (wheels / "wheels.lock").read_text() == before
    assert list((tmp_path / "context").iterdir()) == [wheels]


def _source(index: Path, folder: Path, build: str = "") -> str:
    """Put a package into an index as source only, and give the archive's hash."""
    folder.mkdir()
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "made-up"\nversion = "1.0"\n[tool.setuptools]\npy-modules = ["made_up"]\n' + build
    )
    (folder / "made_up.py").write_text("TRUE = True\n")
    (folder / "quick.c").write_text("int quick(void) { return 1; }\n")
    command = [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", str(index), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    (archive,) = index.iterdir()
    return sha256(archive)


@pytest.mark.slow
def test_what_is_published_as_source_becomes_a_wheel(index: Path, tmp_path: Path) -> None:
    """It is built from the locked source, the same bytes each time, and the source is not kept."""
    lock = _lock(tmp_path / "lock", _source(index, tmp_path / "made-up"))
    one, other = (locked_wheels(lock, tmp_path / name, architecture="amd64") for name in ("one", "other"))
    assert sorted(path.name for path in one.iterdir()) == ["made_up-1.0-py3-none-any.whl", "wheels.lock"]
    assert (one / "wheels.lock").read_text() == (other / "wheels.lock").read_text()


@pytest.mark.slow
def test_what_had_to_be_compiled_here_is_refused(index: Path, tmp_path: Path) -> None:
    """It would be this machine's, and not the image's."""
    if not shutil.which("cc"):
        missing("no C compiler: apt-get install gcc")
    extension = 'ext-modules = [{name = "quick", sources = ["quick.c"]}]\n'
    lock = _lock(tmp_path / "lock", _source(index, tmp_path / "made-up", extension))
    with pytest.raises(InternalError, match=r"wheel for arm64.*made_up-1\.0\.tar\.gz"):
        locked_wheels(lock, tmp_path / "context", architecture="arm64")
    assert list((tmp_path / "context").iterdir()) == []


@pytest.mark.slow
def test_the_own_wheel_is_the_same_each_time(index: Path, tmp_path: Path) -> None:
    """Every module is in it, and two builds differ in no byte."""
    one, other = (own_wheel(tmp_path / name, epoch="1700000000") for name in ("one", "other"))
    assert (one / "own.lock").read_text() == (other / "own.lock").read_text()
    (wheel,) = one.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    modules = {
        f"headrace/{package.replace('.', '/')}/{path.name}"
        for package in PACKAGES
        for path in folder_of(package).glob("*.py")
    }
    assert modules <= held
    assert list(index.iterdir()) == []


def test_an_architecture_without_wheels_is_refused(tmp_path: Path) -> None:
    """The sentence names those that there are."""
    with pytest.raises(InputError, match="one of amd64, arm64; got 's390x'"):
        locked_wheels(tmp_path / "lock", tmp_path, architecture="s390x")


def test_an_unknown_extra_is_refused() -> None:
    """Before anything is asked of an engine."""
    with pytest.raises(InputError, match="one of explain; got 'exlpain'"):
        build(extra="exlpain", engine="no-such-engine")


@pytest.mark.parametrize(
    ("engine", "told"), [("no-such-engine", "no command 'no-such-engine'"), ("false", "false must answer 'version'")]
)
def test_without_an_engine_the_remedy_is_told(engine: str, told: str) -> None:
    """Whether there is none or it does not answer, before anything is downloaded."""
    with pytest.raises(InputError, match=told):
        build(engine=engine)


def test_the_builder_explains_itself() -> None:
    """`--help` ends with examples; a mistake ends with the user's exit code."""
    command = [sys.executable, "-m", "images.build"]
    told = subprocess.run([*command, "--help"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert "make image EXTRA=explain" in told
    ended = subprocess.run(
        [*command, "--engine", "no-such-engine"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("Error: ")
    assert len(ended.stderr.splitlines()) == 1
