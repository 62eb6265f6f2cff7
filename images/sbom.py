"""The image's bill of materials: ``make sbom``, or ``python -m images.sbom``.

CycloneDX 1.6, made of the very wheels that the image is built from: names, versions, hashes, licences and who needs
whom; and of Python and the Debian packages below them, where the image is there to be asked. The same image gives the
same bytes.
"""

import argparse
import json
import re
import sys
import uuid
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from headrace.core.base.errors import HeadraceError, InputError, UserError
from headrace.core.base.files import dumps, sha256, write_text
from images.build import image_name, prepare_build, run_engine
from images.wheels import REPOSITORY

EXAMPLES = """
Examples:

  make sbom

  python -m images.sbom --extra explain -o sbom.cdx.json
"""
_NAMESPACE = uuid.UUID("5f1b4a52-93a0-5c0f-8a35-40c3a7c9b0de")
_LONGEST_LICENCE = 60  # whoever writes more has put the licence's text there
_TARGET = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_python_implementation": "CPython",
    "python_full_version": "3.11.0",
    "python_version": "3.11",
    "sys_platform": "linux",
    "platform_system": "Linux",
}


@dataclass(frozen=True)
class Wheel:
    """One wheel of the image.

    Attributes:
        name: Its package's name in the normal form.
        version: Its version.
        digest: SHA-256 of the file.
        licence: Its licence, as its metadata name it; empty if they do not.
        needs: Names of what it needs in the image, without what only its extras need.
    """

    name: str
    version: str
    digest: str
    licence: str
    needs: frozenset[str]


def read_wheel(path: Path) -> Wheel:
    """What a wheel's metadata says."""
    with zipfile.ZipFile(path) as archive:
        (metadata,) = [name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)]
        facts = HeaderParser().parsestr(archive.read(metadata).decode("utf-8"))
    wanted = [Requirement(text) for text in facts.get_all("Requires-Dist", [])]
    return Wheel(
        name=canonicalize_name(facts["Name"]),
        version=facts["Version"],
        digest=sha256(path),
        licence=_licence(facts),
        needs=frozenset(canonicalize_name(one.name) for one in wanted if _applies(one)),
    )


def _applies(wanted: Requirement) -> bool:
    return wanted.marker is None or wanted.marker.evaluate({**_TARGET, "extra": ""})


def _licence(facts: Message) -> str:
    """The SPDX expression (PEP 639), else what stands under License if it is a name, else the classifier."""
    text = " ".join((facts["License-Expression"] or facts["License"] or "").split())
    if text and len(text) <= _LONGEST_LICENCE:
        return text
    classifiers = [one for one in facts.get_all("Classifier", []) if one.startswith("License :: OSI Approved :: ")]
    return classifiers[0].rpartition(" :: ")[2] if classifiers else ""


def bill(image: str, wheels: Iterable[Wheel], *, below: Sequence[PackageURL] = ()) -> str:
    """The bill as JSON, its serial number made of its content.

    Args:
        image: Name and tag.
        wheels: All wheels in it.
        below: What lies below them in it.
    """
    name, _, tag = image.rpartition(":")
    subject = Component(bom_ref="image", type=ComponentType.CONTAINER, name=name, version=tag)
    libraries = {one.name: (one, _library(one)) for one in wheels}
    parts = [*(part for _, part in libraries.values()), *(_package(one) for one in below)]
    bom = Bom(metadata=BomMetaData(component=subject), components=parts)
    bom.register_dependency(subject, parts)
    for one, part in libraries.values():
        bom.register_dependency(part, [libraries[other][1] for other in sorted(one.needs & libraries.keys())])
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    for varying in ("timestamp", "serialNumber"):
        document.pop(varying, None)
        document["metadata"].pop(varying, None)
    return dumps({**document, "serialNumber": uuid.uuid5(_NAMESPACE, dumps(document)).urn})


def _library(one: Wheel) -> Component:
    place = PackageURL("pypi", name=one.name, version=one.version)
    return Component(
        bom_ref=str(place),
        type=ComponentType.LIBRARY,
        name=one.name,
        version=one.version,
        purl=place,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=one.digest)],
        licenses=[LicenseFactory().make_from_string(one.licence)] if one.licence else [],
    )


def _package(place: PackageURL) -> Component:
    library = ComponentType.LIBRARY
    return Component(bom_ref=str(place), type=library, name=place.name, version=place.version, purl=place)


def below_the_wheels(image: str, *, engine: str) -> list[PackageURL]:
    """Python and each Debian package of an image, as the image itself tells them.

    Raises:
        InputError: If there is no such image, or no engine to ask.
    """
    run_engine(engine, "image", "inspect", image)
    ask = [engine, "run", "--rm", "--network=none", image]
    python = run_engine(*ask, "python3", "-c", "import platform; print(platform.python_version())")
    query = ["dpkg-query", "--show", "--showformat", r"${Package}\t${Version}\t${Architecture}\n"]
    debian = sorted(line.split("\t") for line in run_engine(*ask, *query).splitlines())
    return [
        PackageURL("generic", name="python", version=python),
        *(
            PackageURL("deb", "debian", name, version, qualifiers={"arch": architecture, "distro": "bookworm"})
            for name, version, architecture in debian
        ),
    ]


def main() -> int:
    """Write the bill of the image that the arguments say."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description="Write the image's SBOM.", epilog=EXAMPLES, formatter_class=form)
    parser.add_argument("--extra", default="", help="what the image holds beside the rest; empty for nothing")
    parser.add_argument("--engine", default="docker", help="command of the container engine (default: docker)")
    parser.add_argument("-o", "--output", type=Path, help="file to write (default: build/IMAGE-VERSION.cdx.json)")
    given = parser.parse_args()
    try:
        name = image_name(given.extra)
        context = prepare_build(given.extra)
        wheels = [read_wheel(path) for path in sorted(context.glob("*/*.whl"))]
        below = _below(name, given.engine)
        output = given.output or REPOSITORY / "build" / f"{name.rpartition('/')[2].replace(':', '-')}.cdx.json"
        write_text(output, bill(name, wheels, below=below))
    except HeadraceError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UserError) else 1
    print(f"{output} lists {len(wheels)} wheels and {len(below)} packages below them in {name}.")
    return 0


def _below(name: str, engine: str) -> list[PackageURL]:
    try:
        return below_the_wheels(name, engine=engine)
    except InputError as error:
        print(f"Without what lies below the wheels: {error} Run make image first to have it listed.")
        return []


if __name__ == "__main__":
    sys.exit(main())
