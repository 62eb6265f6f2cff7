"""The software bill of materials of a model: CycloneDX 1.6, the same bytes for the same model and environment."""

import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from headrace.core.base.files import dumps
from headrace.core.packaging.distributions import Distribution

FILE = "sbom.cdx.json"
_NAMESPACE = uuid.UUID("0b1f5b0e-6a6c-5f0e-9d7c-2d1b7a6f3c11")


def write(model: Mapping[str, str], data: Mapping[str, str], distributions: Iterable[Distribution]) -> str:
    """Write the bill as JSON, without a time; its serial number derives from its content.

    Args:
        model: ``name``, ``sha256`` (of its first file) and ``licence`` of the model.
        data: ``name``, ``sha256`` and ``licence`` of the table that it was made from.
        distributions: The installed distributions.
    """
    # Importing CycloneDX takes 0.3 s, which reading a bundle should not.
    from cyclonedx.model.bom import Bom, BomMetaData  # noqa: PLC0415
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415
    from cyclonedx.output.json import JsonV1Dot6  # noqa: PLC0415
    from packageurl import PackageURL  # noqa: PLC0415

    listed = list(distributions)
    subject = Component(bom_ref="model", type=ComponentType.MACHINE_LEARNING_MODEL, **_describe_component(model))
    table = Component(bom_ref="data", type=ComponentType.DATA, **_describe_component(data))
    libraries = {
        one.name: Component(
            bom_ref=f"pkg:pypi/{one.name}@{one.version}",
            type=ComponentType.LIBRARY,
            name=one.name,
            version=one.version,
            purl=PackageURL("pypi", name=one.name, version=one.version),
            licenses=_licences(one.licence),
        )
        for one in listed
    }
    bom = Bom(metadata=BomMetaData(component=subject), components=[table, *libraries.values()])
    bom.register_dependency(subject, [table, *(libraries[one.name] for one in listed if one.name == "headrace")])
    for one in listed:
        bom.register_dependency(libraries[one.name], [libraries[other] for other in one.needs])
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    document["metadata"].pop("timestamp", None)
    return _with_serial_number(document)


def replace_licences(text: str, *, model: str, data: str) -> str:
    """Replace the licences of the model and of its data in a bill; empty for none."""
    document = json.loads(text)
    subjects = [document["metadata"]["component"], *document["components"]]
    for reference, licence in (("model", model), ("data", data)):
        subject = next(one for one in subjects if one["bom-ref"] == reference)
        subject.pop("licenses", None)
        if licence:
            subject["licenses"] = [_as_json(one) for one in _licences(licence)]
    return _with_serial_number(document)


def _with_serial_number(document: dict[str, Any]) -> str:
    """Render a bill, its serial number derived from its content."""
    document.pop("serialNumber", None)
    return dumps({**document, "serialNumber": uuid.uuid5(_NAMESPACE, dumps(document)).urn})


def _describe_component(subject: Mapping[str, str]) -> dict[str, Any]:
    from cyclonedx.model import HashAlgorithm, HashType  # noqa: PLC0415 - as above

    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=subject["sha256"])] if subject["sha256"] else []
    return {"name": subject["name"] or "unknown", "hashes": hashes, "licenses": _licences(subject["licence"])}


def _as_json(licence: Any) -> dict[str, Any]:
    if hasattr(licence, "name"):
        return {"license": {"id": licence.id} if licence.id else {"name": licence.name}}
    return {"expression": licence.value}


def _licences(text: str) -> list[Any]:
    """Return a licence in CycloneDX's form: an SPDX expression, or a name."""
    from cyclonedx.contrib.license.factories import LicenseFactory  # noqa: PLC0415 - as above

    words = " ".join(text.split())
    return [LicenseFactory().make_from_string(words)] if words else []
