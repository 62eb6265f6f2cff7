"""The archive for clusters without the Internet."""

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from headrace.components.base import IMAGE
from headrace.core.base.errors import InputError
from headrace.kustomize import FOLDER, OVERLAYS
from images import archive as archives
from images.archive import SUMS, archive, wanted_images
from tests.conftest import REPOSITORY

GUIDE = REPOSITORY / "docs" / "guides" / "kubernetes.md"


def test_every_image_of_the_overlays_is_wanted() -> None:
    """As the rendered manifests name them, and the suite's own."""
    named = {
        line.split("image:", 1)[1].strip()
        for overlay in OVERLAYS
        for line in (FOLDER / "rendered" / f"{overlay}.yaml").read_text().splitlines()
        if line.strip(" -").startswith("image:")
    }
    assert set(wanted_images(OVERLAYS)) == named | {IMAGE}
    assert wanted_images(OVERLAYS) == sorted(wanted_images(OVERLAYS))


def test_an_unknown_overlay_is_refused(tmp_path: Path) -> None:
    """Before anything is written."""
    with pytest.raises(InputError, match="OVERLAY must be one of local"):
        archive(tmp_path / "a.tar", overlays=["moon"])
    assert list(tmp_path.iterdir()) == []


def test_an_engine_that_is_not_there_leaves_nothing(tmp_path: Path) -> None:
    """Neither the archive nor a part of one."""
    with pytest.raises(InputError, match="there is no command 'no-such-engine'"):
        archive(tmp_path / "a.tar", engine="no-such-engine")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.docker
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("image")
def test_what_comes_out_installs_and_loads_without_a_network(tmp_path: Path) -> None:
    """Checksums agree; pip finds every wheel by its hash; the engine loads the image; the manifests are all there."""
    (block,) = [code for code in re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL) if "tar xf" in code]
    made = archive(tmp_path / "there" / block.split()[2], own=True)
    with tarfile.open(made) as tar:
        assert tar.getnames()[0].endswith(f"/{SUMS}")
    # As the guide says, but for what pip would change of this environment.
    pip = tmp_path / "bin" / "pip"
    pip.parent.mkdir()
    pip.write_text(f'#!/bin/sh\nexec {sys.executable} -m pip --quiet "$@" --dry-run --ignore-installed --no-deps\n')
    pip.chmod(0o755)
    environment = {**os.environ, "PATH": f"{pip.parent}:{os.environ['PATH']}"}
    script = ["sh", "-e", "-c", block]
    ended = subprocess.run(script, cwd=made.parent, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"Loaded image: {IMAGE}" in ended.stdout
    made.unlink()
    (root,) = made.parent.iterdir()
    listed = {line.split("  ")[1] for line in (root / SUMS).read_text().splitlines()}
    assert listed | {SUMS} == {str(one.relative_to(root)) for one in root.rglob("*") if one.is_file()}
    lock = root / "wheels" / "requirements.lock"
    assert len(list(lock.parent.glob("*.whl"))) == len(lock.read_text().splitlines())
    assert (root / "images.txt").read_text().splitlines() == wanted_images(OVERLAYS)
    assert {one.stem for one in (root / "manifests").iterdir()} == set(OVERLAYS)
    compiled = {one.name: one.read_bytes() for one in (REPOSITORY / "pipelines" / "compiled").glob("*.yaml")}
    assert {one.name: one.read_bytes() for one in (root / "pipelines").iterdir()} == compiled


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
def test_an_image_that_cannot_be_had_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what can be done about it; no part of an archive is left."""
    monkeypatch.setattr(archives, "wanted_images", lambda _: ["registry.invalid/nobody/nothing:0"])
    with pytest.raises(InputError, match=r"nothing:0 is not here and cannot be pulled .* --own-image"):
        archive(tmp_path / "a.tar")
    assert list(tmp_path.iterdir()) == []
