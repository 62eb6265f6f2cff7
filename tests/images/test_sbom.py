"""The image's bill of materials."""

import json
from pathlib import Path
from typing import Any

import cyclonedx.schema
import jsonschema_rs
import pytest
from packageurl import PackageURL

from headrace.components.base import IMAGE
from images.build import context_of
from images.sbom import Wheel, below_the_wheels, bill, read_wheel
from tests.images.conftest import docker
from tests.images.made_wheels import made_wheel

_MADE = [
    Wheel("alpha", "1.0", "a" * 64, "MIT", frozenset({"beta", "not-in-the-image"})),
    Wheel("beta", "2.0", "b" * 64, "Some words of a licence", frozenset()),
    Wheel("gamma", "3.0", "c" * 64, "", frozenset()),
]
_BELOW = [PackageURL("deb", "debian", "libc6", "2.36-9+deb12u14", qualifiers={"arch": "amd64", "distro": "bookworm"})]


def _errors(document: Any) -> list[str]:
    """What a document breaks of CycloneDX 1.6, by the schemas that ship with its library."""
    folder = Path(cyclonedx.schema.__file__).parent / "_res"
    names = [f"{name}.SNAPSHOT.schema.json" for name in ("bom-1.6", "spdx", "jsf-0.82")]
    schemas = {name: json.loads((folder / name).read_text()) for name in names}
    there = [(f"http://cyclonedx.org/schema/{name}", schema) for name, schema in schemas.items()]
    validator = jsonschema_rs.Draft7Validator(schemas[names[0]], registry=jsonschema_rs.Registry(there))
    return [str(error) for error in validator.iter_errors(document)]


def test_the_bill_tells_each_wheel_and_who_needs_it() -> None:
    """By package URL, version, hash and licence; of what a wheel needs, that which is in the image."""
    document = json.loads(bill("some/image:1.0", _MADE, below=_BELOW))
    assert _errors(document) == []
    assert document["metadata"]["component"]["version"] == "1.0"
    parts = {part["purl"]: part for part in document["components"]}
    assert parts["pkg:pypi/alpha@1.0"]["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert parts["pkg:pypi/alpha@1.0"]["licenses"] == [{"license": {"id": "MIT"}}]
    assert parts["pkg:pypi/beta@2.0"]["licenses"] == [{"license": {"name": "Some words of a licence"}}]
    assert "licenses" not in parts["pkg:pypi/gamma@3.0"]
    assert any(place.startswith("pkg:deb/debian/libc6@2.36") for place in parts)
    needs = {one["ref"]: one.get("dependsOn", []) for one in document["dependencies"]}
    assert needs["pkg:pypi/alpha@1.0"] == ["pkg:pypi/beta@2.0"]
    assert len(needs["image"]) == 4


def test_a_schema_finds_what_is_wrong() -> None:
    """The check of the other tests can fail."""
    document = json.loads(bill("some/image:1.0", _MADE))
    document["components"][0]["type"] = "thing"
    assert _errors(document)


def test_the_same_image_has_the_same_bill() -> None:
    """In any order of its wheels; another wheel gives it another number."""
    one = bill("some/image:1.0", _MADE)
    assert bill("some/image:1.0", _MADE[::-1]) == one
    other = bill("some/image:1.0", _MADE[:2])
    assert json.loads(other)["serialNumber"] != json.loads(one)["serialNumber"]


@pytest.mark.parametrize(
    ("lines", "licence"),
    [
        (["License-Expression: BSD-3-Clause", "License: something else"], "BSD-3-Clause"),
        (["License: MIT"], "MIT"),
        (["License: " + "whole text " * 20, "Classifier: License :: OSI Approved :: MIT License"], "MIT License"),
        (["Classifier: Topic :: Something"], ""),
    ],
)
def test_a_licence_is_a_name_and_not_a_text(tmp_path: Path, lines: list[str], licence: str) -> None:
    """The expression goes before the name, the name before the classifier."""
    assert read_wheel(made_wheel(tmp_path, facts=lines)).licence == licence


def test_a_wheel_needs_what_applies_in_the_image(tmp_path: Path) -> None:
    """Neither what other systems need, nor what an extra needs."""
    lines = [
        "Requires-Dist: One_Thing>=2",
        "Requires-Dist: two; sys_platform == 'win32'",
        "Requires-Dist: three; extra == 'more'",
        "Requires-Dist: four; python_version < '3.12'",
    ]
    assert read_wheel(made_wheel(tmp_path, facts=lines)).needs == {"one-thing", "four"}


@pytest.mark.docker
@pytest.mark.timeout(1800)
def test_the_bill_of_the_real_image(image: str, engine: str) -> None:
    """It keeps to the schema, lists every wheel, Python and Debian's packages, and nearly every licence."""
    wheels = [read_wheel(path) for path in context_of().glob("*/*.whl")]
    below = below_the_wheels(image, engine=engine)
    document = json.loads(bill(image, wheels, below=below))
    assert _errors(document) == []
    held = {part["name"]: part for part in document["components"]}
    assert held["headrace"]["version"] == IMAGE.rpartition(":")[2]
    assert {"kfp", "scikit-learn", "psycopg", "confluent-kafka", "libc6", "python"} <= set(held)
    installed = docker("run", "--rm", image, "sh", "-c", "ls -d /opt/headrace/lib/python3*/site-packages/*.dist-info")
    assert len(installed.stdout.split()) == len(wheels)
    without = [one.name for one in wheels if not one.licence]
    assert len(without) <= 5, without
