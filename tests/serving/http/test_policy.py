"""A server that asks its bundle for a signature, for its digest, or for nothing."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.core.base.errors import BundleError, InputError
from headrace.core.base.settings import StoreSettings
from headrace.core.bundles import signatures
from headrace.core.bundles.bundle import Bundle, VerificationPolicy
from headrace.core.bundles.signatures import Signer, TrustedSigner
from headrace.core.runtime.processes import lease
from headrace.serving.model.model_holder import ModelHolder
from headrace.serving.model.options import parse_options, parser
from headrace.stores.bundles.bundle_store import add_signature, publish
from headrace.stores.objects.local_s3 import local_store
from headrace.stores.objects.object_store import connect
from tests.core.bundles.test_signatures import make_key
from tests.serving.conftest import running


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    """The owner of a key."""
    return make_key(tmp_path / "keys", "mine")


@pytest.fixture
def signed(bundle: Bundle, tmp_path: Path, signer: Signer) -> Path:
    """A signed copy of the bundle."""
    folder = shutil.copytree(bundle.folder, tmp_path / "signed")
    signatures.sign(folder, signer)
    return folder


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreSettings]:
    """A store that this process and its children know."""
    with (
        lease(tmp_path / "lease") as held,
        (tmp_path / "log").open("wb") as log,
        local_store(tmp_path / "store", lease_path=held, log=log) as settings,
    ):
        for name, value in settings.environment().items():
            monkeypatch.setenv(name, value)
        yield settings


def _refused(model: object, *arguments: object) -> str:
    """What a server says that does not start."""
    command = [sys.executable, "-m", "headrace.serving.server", "--port", "0", "--model", str(model)]
    ended = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    return ended.stderr


def test_a_signed_bundle_is_served_and_an_unsigned_one_is_not(
    bundle: Bundle, signed: Path, signer: Signer, tmp_path: Path
) -> None:
    """The server that wants a signature starts with one of the right key only, and says why it does not."""
    public = tmp_path / "keys" / "mine.pub"
    wanted = ("--verify", "signature", "--public-key", str(public))
    with running(signed, tmp_path / "server", *wanted) as server:
        assert server.remote.digest() == bundle.digest
    assert "it is not signed" in _refused(bundle.folder, *wanted)
    make_key(tmp_path / "keys", "other")
    assert "made with another key" in _refused(
        signed, "--verify", "signature", "--public-key", tmp_path / "keys" / "other.pub"
    )


def test_an_altered_bundle_is_refused_unless_nothing_is_asked(bundle: Bundle, tmp_path: Path) -> None:
    """By default every byte counts; off is for a folder that was verified just now."""
    folder = shutil.copytree(bundle.folder, tmp_path / "altered")
    (folder / "card.md").write_text("# other")
    assert "card.md is changed" in _refused(folder)
    assert "card.md is changed" in _refused(folder, "--verify", "digest")
    with running(folder, tmp_path / "server", "--verify", "off") as server:
        assert server.remote.digest() == bundle.digest


def test_a_signature_in_the_store_is_fetched_where_it_is_asked_for(
    bundle: Bundle, signer: Signer, tmp_path: Path, store: StoreSettings
) -> None:
    """A bundle may be signed after it was published; its address and its digest stay the same."""
    uri = publish(bundle.folder, connect(store))
    policy = VerificationPolicy("signature", TrustedSigner(tmp_path / "keys" / "mine.pub"))
    with pytest.raises(BundleError, match="it is not signed"):
        ModelHolder(uri, policy=policy)
    copy = shutil.copytree(bundle.folder, tmp_path / "copy")
    add_signature(uri, signatures.sign(copy, signer), settings=store)
    live = ModelHolder(uri, policy=policy)
    try:
        assert (live.served.folder / "signatures").is_dir()
        assert live.served.digest == bundle.digest
    finally:
        live.close()
    plain = ModelHolder(uri)
    try:
        assert not (plain.served.folder / "signatures").exists()
    finally:
        plain.close()


def test_a_swap_asks_for_the_same(signed: Path, bundle: Bundle, tmp_path: Path) -> None:
    """Whoever exchanges the bundle under a running server must have it signed too; the old one goes on."""
    import asyncio

    live = ModelHolder(
        str(signed), policy=VerificationPolicy("signature", TrustedSigner(tmp_path / "keys" / "mine.pub"))
    )
    shutil.rmtree(signed / "signatures")
    with pytest.raises(BundleError, match="it is not signed"):
        asyncio.run(live.load())
    assert live.ready
    assert live.served.digest == bundle.digest


@pytest.mark.parametrize(
    "arguments",
    [
        ["--verify", "signature"],
        ["--public-key", "k.pub"],
        ["--verify", "off", "--identity", "a", "--issuer", "b"],
        ["--verify", "signature", "--identity", "a"],
    ],
)
def test_policies_that_do_not_fit_are_refused(arguments: list[str]) -> None:
    """Before anything is loaded."""
    with pytest.raises(InputError):
        parse_options(parser().parse_args(["--model", "m", *arguments]))
