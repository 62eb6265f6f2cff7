"""Java, and the suite's Java library, built by Maven where it is missing or older than its sources."""

import functools
import shutil
import subprocess
from pathlib import Path

from tests.conftest import REPOSITORY
from tests.real_parts import alone, missing

HOW = "needs Java 17 and Maven (Debian's packages `openjdk-17-jdk-headless` and `maven`), then `make jvm`"
PROJECT = REPOSITORY / "jvm"
LIBRARY = PROJECT / "target" / "headrace-jvm.jar"
# Quick to start, and quiet beside other tests.
JAVA = ("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m")
_MINUTES = 600


@functools.cache
def library() -> Path:
    """The Java library; a test without it is skipped, and fails in CI."""
    if not shutil.which("javac"):
        missing(HOW)
    with alone("jvm"):
        if not _is_current():
            if not shutil.which("mvn"):
                missing(HOW)
            maven(PROJECT / "pom.xml", "package")
    return LIBRARY


def _is_current() -> bool:
    sources = [PROJECT / "pom.xml", *(PROJECT / "src").rglob("*")]
    return LIBRARY.exists() and LIBRARY.stat().st_mtime >= max(path.stat().st_mtime for path in sources)


def maven(project: Path, *goals: str) -> None:
    """Run goals of a Maven project; what cannot be had is missing."""
    # Maven 3 does not guard its repository against a second process.
    with alone("maven"):
        done = _run_maven(project, *goals)
    if done.returncode:
        missing(f"{HOW}: {' '.join(done.stdout.split()[-80:])}")


def _run_maven(project: Path, *goals: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["mvn", "--quiet", "--batch-mode", "--file", str(project), *goals],
        capture_output=True,
        text=True,
        timeout=_MINUTES,
        check=False,
    )


def compile_java(folder: Path, *sources: Path, classpath: str) -> Path:
    """Compile sources into a folder, and return it."""
    command = ["javac", "-Xlint:all,-processing,-classfile,-path", "-Werror", "-cp", classpath, "-d", str(folder)]
    done = subprocess.run([*command, *map(str, sources)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@functools.cache
def engine_jars(name: str) -> Path:
    """The jars of ``NAME.pom.xml`` beside this module, copied once into the project's folder of built files."""
    library()
    folder = PROJECT / "target" / "engines" / name
    project = Path(__file__).parent / f"{name}.pom.xml"
    with alone(f"jvm-{name}"):
        stamp = folder / project.name
        if not stamp.exists() or stamp.read_text() != project.read_text():
            shutil.rmtree(folder, ignore_errors=True)
            goal = "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy-dependencies"
            maven(project, goal, "-DincludeScope=runtime", f"-DoutputDirectory={folder}")
            stamp.write_text(project.read_text())
    return folder
