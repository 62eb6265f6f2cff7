"""The project's structure is what its documents say."""

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
PACKAGES = [name.removeprefix("headrace.") for name in PROJECT["tool"]["setuptools"]["packages"]]


def folder_of(package: str) -> Path:
    """Return the folder of a package, such as ``core/base`` of ``core.base``, by pyproject.toml."""
    top, _, rest = package.partition(".")
    return REPOSITORY / PROJECT["tool"]["setuptools"]["package-dir"][f"headrace.{top}"] / rest.replace(".", "/")


MODULES = sorted(path for package in PACKAGES for path in folder_of(package).glob("*.py"))

# A guideline: a module is cut where its subject ends, not where a line number says so.
_MOST_LINES = 400
# Modules that are longer, by their path in the repository, each with the reason.
_LONG_MODULES: dict[str, str] = {}


def test_every_folder_with_modules_is_a_package() -> None:
    """A folder of the project's code that is not listed would be missing from the wheel."""
    tracked = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split()
    others = {"tests", "benchmarks", "docs", "images"}
    folders = {path.parent for path in map(Path, tracked) if path.parts[0] not in others}
    # What another program installs, such as Airflow, is a project of its own.
    own = {path.parent.relative_to(REPOSITORY) for path in REPOSITORY.glob("integrations/*/pyproject.toml")}
    folders = {folder for folder in folders if not own & {folder, *folder.parents}}
    migrations = {Path("registry/migrations"), Path("registry/migrations/versions")}
    assert folders - migrations == {folder_of(package).relative_to(REPOSITORY) for package in PACKAGES}


@pytest.mark.slow
def test_the_wheel_holds_every_module_and_its_data(tmp_path: Path) -> None:
    """What is installed elsewhere is what is tested here: modules, search spaces, templates, compiled pipelines."""
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path)],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        f"headrace/{package.replace('.', '/')}/{path.name}"
        for package in PACKAGES
        for path in folder_of(package).glob("*.py")
    }
    kept = (
        ("experiments", "spaces/*.yaml"),
        ("reports", "templates/*"),
        ("pipelines", "*.yaml"),
        ("pipelines", "compiled/*.yaml"),
        ("kustomize", "**/*.yaml"),
        ("registry", "migrations/*.py"),
        ("registry", "migrations/versions/*.py"),
    )
    for package, pattern in kept:
        data = list((REPOSITORY / package).glob(pattern))
        assert data, f"no {pattern} in {package}"
        wanted |= {f"headrace/{path.relative_to(REPOSITORY)}" for path in data}
    assert wanted <= held, sorted(wanted - held)


def test_tests_that_send_ends_take_care_that_they_are_taken() -> None:
    """SIGINT is ignored under ``&`` in a script, and what is ignored is inherited by all that a test starts."""
    sending = re.compile(r"(kill|send_signal|param)\w*\([^)]*\b(SIGINT|SIGTERM|number)\b|\.terminate\(\)")
    tests = {path: path.read_text() for path in (REPOSITORY / "tests").rglob("test_*.py")}
    sends = {path for path, text in tests.items() if re.search(r"SIGINT|SIGTERM", text) and sending.search(text)}
    assert len(sends) > 10
    assert [str(path) for path in sends if "default_signals" not in tests[path]] == []


def test_one_version_everywhere() -> None:
    """The image's tag is the package's version."""
    from headrace.components.base import IMAGE

    assert PROJECT["project"]["version"] == version("headrace") == IMAGE.rpartition(":")[2]


@pytest.mark.parametrize("package", PACKAGES)
def test_folders_stay_small(package: str) -> None:
    """A folder that grows beyond sixteen modules is two subjects."""
    modules = {path.name for path in folder_of(package).glob("*.py")} - {"__init__.py"}
    assert len(modules) <= 16


def too_long(path: Path, text: str) -> bool:
    """Whether a module is longer than the guideline, and no reason is given for it."""
    return len(text.splitlines()) > _MOST_LINES and str(path) not in _LONG_MODULES


def test_the_guard_finds_a_long_module() -> None:
    """By its lines, unless a reason is given."""
    assert too_long(Path("core/base/files.py"), "\n" * (_MOST_LINES + 1))
    assert not too_long(Path("core/base/files.py"), "\n" * _MOST_LINES)
    assert not any(too_long(Path(name), "\n" * 1000) for name in _LONG_MODULES)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_modules_stay_small(path: Path) -> None:
    """A module is one subject: beyond 400 lines it is cut by subject, or ``_LONG_MODULES`` says why not."""
    assert not too_long(path.relative_to(REPOSITORY), path.read_text())


def test_exceptions_are_needed() -> None:
    """A reason for a long module is taken away when the module is short again."""
    assert [name for name in _LONG_MODULES if len((REPOSITORY / name).read_text().splitlines()) <= _MOST_LINES] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_environment_is_read_in_one_module(path: Path) -> None:
    """Variables are read in core/base/settings.py; elsewhere the environment is only handed on to child processes."""
    # A step started warm gets its caller's whole environment; what answers a shell imports nothing before it does.
    hands_it_over = {"launch.py", "prefork.py", "start.py"}
    if path.name == "settings.py" or path.name in hands_it_over:
        return
    reads = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    ]
    spreads = path.read_text().count("**os.environ")
    assert len(reads) == spreads


def test_component_modules_do_not_defer_annotations() -> None:
    """KFP reads annotations as objects; deferred ones break a component."""
    for path in (REPOSITORY / "components").rglob("*.py"):
        assert "from __future__ import annotations" not in path.read_text(), path


def test_locks_carry_hashes_and_no_addresses() -> None:
    """Every pinned package has a hash, and no lock tells where packages come from."""
    for lock in (REPOSITORY / "requirements").glob("*.lock"):
        text = lock.read_text()
        assert "://" not in text
        assert "--index-url" not in text
        for block in text.split("\n\n")[0].split("\n"):
            if "==" in block:
                assert block.endswith("\\"), f"{lock.name}: {block} has no hash"


def _pinned(name: str) -> dict[str, set[str]]:
    """Versions by package; a package has several where systems need different ones."""
    found: dict[str, set[str]] = {}
    for line in (REPOSITORY / "requirements" / f"{name}.lock").read_text().splitlines():
        package, equals, rest = line.partition("==")
        if equals and not line.startswith(" "):
            found.setdefault(package, set()).add(rest.split()[0])
    return found


@pytest.mark.parametrize("larger", ["dev", "bench", "image", "image-explain"])
def test_locks_agree(larger: str) -> None:
    """What the demo runs with is what is tested and measured."""
    run, other = _pinned("run"), _pinned(larger)
    assert run == {package: other.get(package) for package in run}


PYTHONS = ("3.11", "3.12", "3.13")


def _applies(requirement: Requirement, python: str) -> bool:
    """Whether a requirement is one of Linux with this Python."""
    marks = {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}
    return requirement.marker is None or requirement.marker.evaluate({**marks, "sys_platform": "linux"})


def _requirements(lock: str, python: str) -> list[Requirement]:
    text = (REPOSITORY / "requirements" / f"{lock}.lock").read_text()
    lines = [line.removesuffix("\\") for line in text.splitlines() if line and line[0] not in " #"]
    return [one for one in map(Requirement, lines) if _applies(one, python)]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize(("lock", "extras"), [("run", ()), ("dev", ("dev", "sql")), ("bench", ("dev", "bench"))])
def test_one_lock_serves_each_python(lock: str, extras: tuple[str, ...], python: str) -> None:
    """Each package has one version there, and each dependency has one that it asks for."""
    pins: dict[str, str] = {}
    for one in _requirements(lock, python):
        assert one.name not in pins, f"{one.name} has two versions on Python {python}"
        pins[one.name] = next(iter(one.specifier)).version
    project = PROJECT["project"]
    named = [*project["dependencies"], *(name for extra in extras for name in project["optional-dependencies"][extra])]
    wanted = [one for one in map(Requirement, named) if _applies(one, python)]
    assert {
        one.name: pins.get(canonicalize_name(one.name))
        for one in wanted
        if not one.specifier.contains(pins.get(canonicalize_name(one.name), "0"))
    } == {}


def test_the_pythons_are_those_of_the_package() -> None:
    """What the package says that it takes is what the lock is tested for."""
    classifiers = "Programming Language :: Python :: "
    said = [one.removeprefix(classifiers) for one in PROJECT["project"]["classifiers"] if one.startswith(classifiers)]
    assert said == [*PYTHONS]
    allowed = SpecifierSet(PROJECT["project"]["requires-python"])
    assert [f"3.{minor}" for minor in range(9, 20) if f"3.{minor}.0" in allowed] == [*PYTHONS]
