"""Whoever must know in an hour whether a hole in OpenSSL is in Mulberry reads this list: it must be whole and true."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from installers import sbom
from installers.base_requirements import read_names
from installers.checksums import sha256
from installers.project import ROOT
from installers.sbom import Part
from made_up_packages import install

# What CycloneDX 1.6 demands: "required" of the document and of a component in its JSON schema, and the forms of fields.
COMPONENT_TYPES = {"application", "library", "file"}
SERIAL = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SHA_256 = re.compile(r"[0-9a-f]{64}")
TOLD_BY_CARGO = {  # in the form of cargo-cyclonedx, which names its builder's folders and hosts
    "type": "library",
    "name": "ring",
    "version": "0.17.14",
    "purl": "pkg:cargo/ring@0.17.14?download_url=file:///home/builder",
    "licenses": [{"license": {"id": "ISC", "url": "https://host.example"}}],
    "bom-ref": "registry+https://host.example",
}
PYTHON = Part("Python", "3.12.11", "Python-2.0", "pkg:generic/python@3.12.11", "ab" * 32)


@pytest.fixture(autouse=True)
def one_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1763800000")


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """Names and versions of the lock, files of nobody: refusing what is not locked is one of the promises."""
    folder = tmp_path / "packages"
    install(
        folder,
        "cryptography",
        locked_version("cryptography"),
        licence="Apache-2.0 OR BSD-3-Clause",
        files={
            "@licenses/LICENSE": b"terms",
            "@sboms/rust.cyclonedx.json": json.dumps({"components": [TOLD_BY_CARGO]}).encode(),
            "cryptography/hazmat/bindings/_rust.abi3.so": b"\x7fELF OpenSSL 4.0.3 29 Sep 2026",
            "cryptography/__init__.py": b"",
        },
    )
    install(folder, "idna", locked_version("idna"), licence="BSD-3-Clause")
    install(folder, "mulberry", "0.1.0", licence="Apache-2.0")  # ourselves, where a package installs us like the others
    return folder


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    path = tmp_path / "mulberry_0.1.0_amd64.deb"
    path.write_bytes(b"an artefact")
    return path


def locked_version(name: str) -> str:
    return next(version for known, version in read_names(ROOT / "requirements.lock") if known == name)


def all_components(listed: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield listed["metadata"]["component"]
    pending = list(listed["components"])
    while pending:
        component = pending.pop()
        pending += component.get("components", [])
        yield component


def test_the_document_is_cyclonedx(packages: Path, artefact: Path) -> None:
    listed = json.loads(sbom.write(artefact, packages, (PYTHON,)).read_text())
    assert (listed["bomFormat"], listed["specVersion"], listed["version"]) == ("CycloneDX", "1.6", 1)
    assert SERIAL.fullmatch(listed["serialNumber"])
    assert listed["metadata"]["timestamp"] == "2025-11-22T08:26:40+00:00"
    components = list(all_components(listed))
    assert len({one["bom-ref"] for one in components}) == len(components), "a bom-ref is there twice"
    for one in components:
        assert one["type"] in COMPONENT_TYPES
        assert one["name"]
        assert all(told["alg"] == "SHA-256" and SHA_256.fullmatch(told["content"]) for told in one.get("hashes", []))
        assert "purl" not in one or re.fullmatch(r"pkg:(pypi|cargo|npm|generic)/\S+@\S+", one["purl"])
    known = {one["bom-ref"] for one in listed["components"]}
    assert listed["dependencies"] == [{"ref": "mulberry", "dependsOn": sorted(known)}]


def test_everything_is_named_down_to_what_is_compiled_in(packages: Path, artefact: Path) -> None:
    listed = sbom.bill_of_materials(artefact, packages, (PYTHON,))
    found = {one["name"]: one for one in all_components(listed)}
    library = packages / "cryptography/hazmat/bindings/_rust.abi3.so"
    assert found["OpenSSL"]["version"] == "4.0.3"
    assert (
        found["ring"]["purl"] == "pkg:cargo/ring@0.17.14"
    )  # what the wheel's own list says, without its builder's folders
    assert found["cryptography/hazmat/bindings/_rust.abi3.so"]["hashes"][0]["content"] == sha256(library)
    assert found["idna"]["licenses"] == [{"expression": "BSD-3-Clause"}]
    assert found["Python"]["purl"] == PYTHON.purl
    assert found["mulberry"]["type"] == "application"
    assert found["mulberry"]["hashes"] == [{"alg": "SHA-256", "content": sha256(artefact)}]
    assert [one["name"] for one in listed["components"]].count("mulberry") == 0


def test_no_host_and_no_builders_folder_is_named(packages: Path, artefact: Path) -> None:
    text = sbom.write(artefact, packages).read_text()
    assert "://" not in text
    assert "builder" not in text
    assert str(packages) not in text


def test_the_same_content_gives_the_same_bytes_and_other_content_another_serial(packages: Path, artefact: Path) -> None:
    first = sbom.write(artefact, packages).read_bytes()
    assert sbom.write(artefact, packages).read_bytes() == first
    (packages / "cryptography/__init__.py").write_bytes(b"changed")
    changed = json.loads(sbom.write(artefact, packages).read_text())
    assert changed["serialNumber"] != json.loads(first)["serialNumber"]


def test_what_is_not_in_the_lock_is_refused(packages: Path, artefact: Path) -> None:
    install(packages, "stowaway")
    install(packages, "yarl", "0.0.1")
    with pytest.raises(SystemExit, match=r"not in requirements.lock: stowaway 1.0, yarl 0.0.1"):
        sbom.bill_of_materials(artefact, packages)


def test_a_wheel_brings_only_what_lies_in_it(artefact: Path) -> None:
    listed = sbom.bill_of_materials(artefact, None, (sbom.emulator(),))
    (emulator,) = listed["components"]
    assert emulator["name"] == "ton-emulator"
    assert emulator["hashes"] == [{"alg": "SHA-256", "content": sha256(sbom.EMULATOR)}]
