"""Signatures: of whom, over what, and what is refused.

Signing without a key needs Sigstore's servers: here it can only be seen to fail in a sentence.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from headrace.core.base.errors import BundleError, InputError, MissingError
from headrace.core.bundles import integrity, signatures
from headrace.core.bundles.bundle import VerificationPolicy, open_bundle
from headrace.core.bundles.signatures import Signer, TrustedSigner

FILES = {"card.md": b"# m\n", "model.skops": b"\x00\x01" * 500, "parts/one.json": b"{}"}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A small bundle."""
    folder = tmp_path / "bundle"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "manifest.json").write_text(integrity.make(folder, "tumours").dumps())
    return folder


def make_key(folder: Path, name: str, *, curve: ec.EllipticCurve | None = None, password: bytes = b"") -> Signer:
    """A key pair in ``NAME.pem`` and ``NAME.pub``."""
    folder.mkdir(exist_ok=True)
    key = ec.generate_private_key(curve or ec.SECP256R1())
    locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / f"{name}.pem").write_bytes(private)
    (folder / f"{name}.pub").write_bytes(public)
    return Signer(folder / f"{name}.pem", password.decode())


def _trust(signer: Signer) -> TrustedSigner:
    assert signer.key is not None
    return TrustedSigner(signer.key.with_suffix(".pub"))


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    """The owner of a key."""
    return make_key(tmp_path / "keys", "mine")


def test_a_signature_lies_under_its_own_digest_and_changes_no_other(bundle: Path, signer: Signer) -> None:
    """The bundle keeps its digest, and stays whole."""
    before = open_bundle(bundle).digest
    made = signatures.sign(bundle, signer)
    assert made.parent == bundle / "signatures"
    assert made.name == f"{hashlib.sha256(made.read_bytes()).hexdigest()}.sig"
    assert open_bundle(bundle).digest == before
    assert signatures.check(bundle, _trust(signer)) == made


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name)
def test_each_curve_and_a_locked_key_sign(bundle: Path, tmp_path: Path, curve: ec.EllipticCurve) -> None:
    """The three curves that Sigstore names, with a password."""
    signer = make_key(tmp_path / "keys", "locked", curve=curve, password=b"a long one")
    signatures.sign(bundle, signer)
    assert signatures.check(bundle, _trust(signer))


def test_several_people_may_sign(bundle: Path, tmp_path: Path, signer: Signer) -> None:
    """None replaces another's signature; each is found by its own key, wherever the folder lies."""
    other = make_key(tmp_path / "keys", "other")
    first, second, again = (signatures.sign(bundle, one) for one in (signer, other, signer))
    assert len({first, second, again}) == 3
    moved = shutil.copytree(bundle, tmp_path / "elsewhere" / "models")
    assert signatures.check(moved, _trust(other)).name == second.name
    assert signatures.check(moved, _trust(signer)).name in {first.name, again.name}


def test_the_wrong_key_is_told(bundle: Path, tmp_path: Path, signer: Signer) -> None:
    """So is a bundle that nobody signed."""
    stranger = make_key(tmp_path / "keys", "stranger")
    with pytest.raises(BundleError, match="it is not signed: use headrace sign"):
        signatures.check(bundle, _trust(signer))
    signatures.sign(bundle, signer)
    with pytest.raises(BundleError, match="none of its 1 signatures is: made with another key"):
        signatures.check(bundle, _trust(stranger))


@pytest.mark.parametrize("name", ["model.skops", "manifest.json"])
def test_what_was_changed_after_signing_is_told(bundle: Path, signer: Signer, name: str) -> None:
    """Even if the manifest was made anew to fit: the signature is over the manifest too."""
    signatures.sign(bundle, signer)
    path = bundle / "model.skops"
    path.write_bytes(b"Y" + path.read_bytes()[1:])
    if name == "manifest.json":
        (bundle / name).write_text(integrity.make(bundle, "tumours").dumps())
        open_bundle(bundle)
    with pytest.raises(BundleError, match="made for other files"):
        signatures.check(bundle, _trust(signer))


@pytest.mark.parametrize(
    "content", [b"{}", b"", b"\x00\xff", b"[" * 100_000, b'{"mediaType": "x"}', b"null"], ids=range(6)
)
def test_a_damaged_signature_is_told(bundle: Path, signer: Signer, content: bytes) -> None:
    """In one sentence, whatever it holds; a good one beside it is still found."""
    (bundle / "signatures").mkdir()
    (bundle / "signatures" / f"{hashlib.sha256(content).hexdigest()}.sig").write_bytes(content)
    with pytest.raises(BundleError, match="must be signed by") as caught:
        signatures.check(bundle, _trust(signer))
    assert "\n" not in str(caught.value)
    made = signatures.sign(bundle, signer)
    assert signatures.check(bundle, _trust(signer)) == made


def test_an_altered_signature_is_told(bundle: Path, signer: Signer) -> None:
    """A statement that was changed, under the old signature, holds for nobody."""
    made = signatures.sign(bundle, signer)
    document = json.loads(made.read_bytes())
    statement = json.loads(base64.b64decode(document["dsseEnvelope"]["payload"]))
    statement["predicate"]["resources"].pop()
    document["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    content = json.dumps(document).encode()
    made.unlink()
    (bundle / "parts" / "one.json").unlink()
    made.with_name(f"{hashlib.sha256(content).hexdigest()}.sig").write_bytes(content)
    with pytest.raises(BundleError, match="made with another key, or altered"):
        signatures.check(bundle, _trust(signer))


def test_a_signature_that_leaves_the_manifest_out_does_not_hold(bundle: Path, signer: Signer) -> None:
    """Other tools may sign fewer files; then the manifest could be exchanged."""
    assert signer.key is not None
    made = bundle.parent / "made"
    left_out = [part for name in ("manifest.json", "signatures") for part in ("--ignore-paths", bundle / name)]
    _model_signing("sign", "key", bundle, "--signature", made, "--private_key", signer.key, *left_out)
    (bundle / "signatures").mkdir()
    made.rename(bundle / "signatures" / f"{hashlib.sha256(made.read_bytes()).hexdigest()}.sig")
    with pytest.raises(BundleError, match="made without the manifest"):
        signatures.check(bundle, _trust(signer))


def _model_signing(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "model_signing", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_projects_own_tool_checks_the_signature(bundle: Path, signer: Signer) -> None:
    """Whoever has OpenSSF's tool and no Headrace can verify a bundle, and is told of a change."""
    made = signatures.sign(bundle, signer)
    asked = ("verify", "key", bundle, "--signature", made, "--public_key", _trust(signer).key)
    assert _model_signing(*asked).returncode == 0
    (bundle / "card.md").write_text("# other")
    assert _model_signing(*asked).returncode != 0


def test_keys_that_cannot_be_used_are_told(bundle: Path, tmp_path: Path, signer: Signer) -> None:
    """Missing, of another kind, locked, or no key at all: one sentence with the remedy, and nothing is written."""
    other = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "rsa.pem").write_bytes(other)
    (tmp_path / "none.pem").write_text("hello")
    locked = make_key(tmp_path / "keys", "locked", password=b"right")
    small = make_key(tmp_path / "keys", "small", curve=ec.SECP192R1())
    with pytest.raises(MissingError, match="openssl ecparam"):
        signatures.sign(bundle, Signer(tmp_path / "absent.pem"))
    for key in (tmp_path / "rsa.pem", tmp_path / "none.pem", locked.key, small.key):
        with pytest.raises(InputError, match="must be an elliptic private key in PEM"):
            signatures.sign(bundle, Signer(key))
    with pytest.raises(InputError, match="HEADRACE_SIGNING_PASSWORD"):
        signatures.sign(bundle, Signer(locked.key, "wr0ng-password"))
    assert not (bundle / "signatures").exists()
    signatures.sign(bundle, signer)
    with pytest.raises(InputError, match="must be an elliptic public key"):
        signatures.check(bundle, TrustedSigner(tmp_path / "none.pem"))
    with pytest.raises(MissingError, match="there is no public key"):
        signatures.check(bundle, TrustedSigner(tmp_path / "absent.pub"))


def test_passwords_are_not_shown() -> None:
    """Neither a password nor a token is part of what a signer shows."""
    shown = repr(Signer(Path("k"), "s3cret", "t0ken"))
    assert "s3cret" not in shown
    assert "t0ken" not in shown


@pytest.mark.parametrize("given", [{}, {"identity": "a"}, {"issuer": "b"}, {"key": Path("k"), "identity": "a"}])
def test_trust_needs_one_thing(given: dict[str, str]) -> None:
    """A key, or an identity with who vouches for it; not neither, and not both."""
    with pytest.raises(InputError, match="--identity NAME with --issuer URL"):
        TrustedSigner(**given)  # type: ignore[arg-type]


def test_signing_without_a_key_needs_sigstore(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its servers and an identity it ends in one sentence; that it works where they are is not tested here."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "https_proxy", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(InputError, match="needs Sigstore's servers and an identity") as caught:
        signatures.sign(bundle, Signer(token="a-t0ken"))
    assert "a-t0ken" not in str(caught.value)
    assert not (bundle / "signatures").exists()


def test_policies(bundle: Path, signer: Signer, tmp_path: Path) -> None:
    """Off takes what it finds, digest wants it whole, signature wants to know from whom."""
    trust = _trust(signer)
    with pytest.raises(BundleError, match="not signed"):
        open_bundle(bundle, VerificationPolicy("signature", trust))
    signatures.sign(bundle, signer)
    assert open_bundle(bundle, VerificationPolicy("signature", trust)).name == "tumours"
    (bundle / "card.md").write_text("# other")
    for policy in (None, VerificationPolicy("digest"), VerificationPolicy("signature", trust)):
        with pytest.raises(BundleError, match=r"card\.md is changed"):
            open_bundle(bundle, policy)
    assert open_bundle(bundle, VerificationPolicy("off")).name == "tumours"


def test_policies_that_do_not_fit_are_refused(signer: Signer) -> None:
    """A level nobody knows, a signature of nobody, and a key that nobody asks for."""
    with pytest.raises(InputError, match="off, digest or signature"):
        VerificationPolicy("maybe")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="'signature' without them"):
        VerificationPolicy("signature")
    with pytest.raises(InputError, match="'digest' with them"):
        VerificationPolicy("digest", _trust(signer))
