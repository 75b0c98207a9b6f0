"""A list of everything in an artefact, for machines: CycloneDX 1.6 as JSON, the same bytes for the same content.

Source: the CycloneDX 1.6 specification (ECMA-424). Components are the Python distributions that really lie in the
tree, with the SHA-256 of every compiled file; inside them what their makers list themselves (PEP 770:
`*.dist-info/sboms/`) and the native parts of licences.toml. No address of a host is taken over: a package is named by
its purl.
"""

import datetime as dt
import hashlib
import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installers.base_requirements import read_names
from installers.checksums import sha256
from installers.distributions import Shipped
from installers.epoch import source_date_epoch
from installers.licences import Licensed, Native, gather, native_parts
from installers.project import ROOT, version

EMULATOR = ROOT / "resources" / "emulator" / "emulator.wasm"
COMPILED = (".so", ".pyd", ".dll", ".dylib", ".exe")
NAMESPACE = uuid.UUID("5d0a2c0e-2b47-5c2e-9a53-0f4b6a1c7e11")  # ours alone; the serial number is a uuid5 below it

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """Something in an artefact that is no Python distribution, such as the Python that a Windows installer brings."""

    name: str
    version: str
    licence: str  # SPDX
    purl: str
    sha256: str = ""  # of the file it came as


def bill_of_materials(artefact: Path, packages: Path | None, others: tuple[Part, ...] = ()) -> Json:
    """Everything in `artefact`: the distributions below `packages`, and `others`.

    SystemExit where a distribution is not in requirements.lock: it got in by another way than ours.
    """
    licensed = [one for one in gather(packages) if one.shipped.name != "mulberry"] if packages else []
    refuse_unlocked([one.shipped for one in licensed])
    natives = native_parts(packages) if packages else []
    components = [distribution(one, natives, packages) for one in licensed if packages]
    components += [part(one) for one in others]
    body: Json = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": dt.datetime.fromtimestamp(source_date_epoch(), dt.UTC).isoformat(),
            "component": {
                "type": "application",
                "bom-ref": "mulberry",
                "name": "mulberry",
                "version": version(),
                "licenses": [{"expression": "Apache-2.0"}],
                "purl": f"pkg:pypi/mulberry@{version()}",
                "hashes": [{"alg": "SHA-256", "content": sha256(artefact)}],
                "properties": [{"name": "mulberry:artefact", "value": artefact.name}],
            },
        },
        "components": sorted(components, key=lambda one: one["bom-ref"]),
        "dependencies": [{"ref": "mulberry", "dependsOn": sorted(one["bom-ref"] for one in components)}],
    }
    content = json.dumps(body, sort_keys=True)
    return body | {"serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, content)}"}


def refuse_unlocked(distributions: list[Shipped]) -> None:
    locked = read_names(ROOT / "requirements.lock")
    if stray := [f"{one.name} {one.version}" for one in distributions if (one.name, one.version) not in locked]:
        raise SystemExit(f"In the tree, but not in requirements.lock: {', '.join(stray)}.")


def distribution(one: Licensed, natives: list[Native], packages: Path) -> Json:
    purl = f"pkg:pypi/{one.shipped.name}@{one.shipped.version}"
    compiled = [path for path in one.shipped.files if path.suffix in COMPILED or ".so." in path.name]
    inside = [file_component(path, packages, purl) for path in compiled]
    inside += [native_component(native, purl) for native in natives if native.file in one.shipped.files]
    inside += told_by_the_maker(one.shipped, purl)
    component = {
        "type": "library",
        "bom-ref": purl,
        "name": one.shipped.name,
        "version": one.shipped.version,
        "licenses": [{"expression": one.licence}],
        "purl": purl,
        "properties": [{"name": "mulberry:files-sha256", "value": digest_of_files(one.shipped, packages)}],
    }
    unique = {component["bom-ref"]: component for component in inside}
    return component | ({"components": [unique[ref] for ref in sorted(unique)]} if unique else {})


def digest_of_files(one: Shipped, packages: Path) -> str:
    """SHA-256 of what `sha256sum` prints for the distribution's files below `packages`, in the order of their names."""
    lines = (f"{sha256(path)}  {path.relative_to(packages).as_posix()}\n" for path in one.files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def file_component(path: Path, packages: Path, owner: str) -> Json:
    name = path.relative_to(packages).as_posix()
    hashes = [{"alg": "SHA-256", "content": sha256(path)}]
    return {"type": "file", "bom-ref": f"{owner}#{name}", "name": name, "hashes": hashes}


def native_component(native: Native, owner: str) -> Json:
    told = {"version": native.version} if native.version else {}
    return {
        "type": "library",
        "bom-ref": f"{owner}#{native.name}",
        "name": native.name,
        **told,
        "licenses": [{"expression": native.licence}],
    }


def told_by_the_maker(one: Shipped, owner: str) -> list[Json]:
    """The components of the lists that the distribution brings itself: name, version, licence, purl, hashes of each."""
    found = []
    for path in one.files:
        if path.parent.name == "sboms" and path.parent.parent.name.endswith(".dist-info") and path.suffix == ".json":
            for told in json.loads(path.read_text()).get("components", []):
                kept = {key: told[key] for key in ("type", "name", "version", "licenses", "hashes") if key in told}
                purl = str(told.get("purl", "")).partition("?")[0]
                named = {"purl": purl} if purl else {}
                kept["licenses"] = [told for told in kept.get("licenses", []) if "://" not in json.dumps(told)]
                found.append({**kept, **named, "bom-ref": f"{owner}#{told['name']}@{told.get('version', '')}"})
    return found


def emulator() -> Part:
    """TON's emulator, which comes with Mulberry's own resources."""
    told = json.loads(EMULATOR.with_suffix(".json").read_text())
    return Part(
        "ton-emulator",
        str(told["version"]),
        "LGPL-2.0-or-later AND MIT",
        f"pkg:npm/%40ton/sandbox@{told['version']}",
        sha256(EMULATOR),
    )


def part(one: Part) -> Json:
    hashes = {"hashes": [{"alg": "SHA-256", "content": one.sha256}]} if one.sha256 else {}
    return {
        "type": "library",
        "bom-ref": one.purl,
        "name": one.name,
        "version": one.version,
        "licenses": [{"expression": one.licence}],
        "purl": one.purl,
        **hashes,
    }


def write(artefact: Path, packages: Path | None, others: tuple[Part, ...] = ()) -> Path:
    """Writes the list beside `artefact`, as its name with `.cdx.json`."""
    target = artefact.with_name(artefact.name + ".cdx.json")
    target.write_text(json.dumps(bill_of_materials(artefact, packages, others), indent=1, sort_keys=True) + "\n")
    return target
