"""Certificates for brokers and clients, made anew in each run."""

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """A certificate authority.

    Attributes:
        path: Its certificate, as PEM.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = _subject(name)
        built = _build(self._name, self._name, self._key, days=1).add_extension(x509.BasicConstraints(True, None), True)
        self._certificate = built.sign(self._key, hashes.SHA256())
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *, host: str = "", days: float = 1) -> Path:
        """A certificate with its key in one PEM file.

        Args:
            name: Its subject, and the name of the file.
            host: A host name that it is for; empty for 127.0.0.1.
            days: How long it is valid from now on; negative for one that has expired.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        place = x509.DNSName(host) if host else x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        built = _build(_subject(name), self._name, key, days=days)
        built = built.add_extension(x509.SubjectAlternativeName([place]), False)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = self._folder / f"{name}.pem"
        signed = built.sign(self._key, hashes.SHA256())
        path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
        return path


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _build(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, *, days: float
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=30))
        .not_valid_after(now + dt.timedelta(days=days))
    )
