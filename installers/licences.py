"""Collects the licences of everything a package ships, and refuses what may not be shipped.

What distributions tell about themselves comes from their own metadata; what they leave unsaid stands in
licences.toml. A new dependency with a licence that is not on the list there, or without a text, fails the build
and names itself.
"""

import re
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from installers.distributions import Shipped, shipped
from installers.project import ROOT

TEXTS = Path(__file__).with_name("licence_texts")
TABLE: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
README = """\
Mulberry is under the Apache License 2.0 (mulberry/). It comes with these works of others, each under its own licence:

{rows}
TON's transaction emulator: MIT, and LGPL-2.0-or-later for TON's own code (ton-emulator/)
two root certificates of NVIDIA's nv-local-gpu-verifier: BSD-3-Clause (nvidia-roots/)

Compiled into them, as far as known:

{compiled}

Qt and PySide6 are used under the LGPL 3. Their libraries are files of their own: you may put your own builds there.
"""
# Folders of the collection, and what of this repository goes there: our terms, and those of others' work that we hold.
OUR_OWN = {
    "mulberry": ("LICENSE", "NOTICE"),
    "ton-emulator": tuple(f"resources/emulator/{name}" for name in ("LICENSE", "LICENSE.LGPL-2", "README.md")),
    "nvidia-roots": ("resources/attestation/README.md",),
}
LICENCE_FILE = re.compile(r"(licen[cs]e|copying|copyright|notice|authors|third.?party)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Licensed:
    """One distribution with its licence as an SPDX expression and its texts: name in our collection to file."""

    shipped: Shipped
    licence: str
    texts: tuple[tuple[str, Path], ...]


@dataclass(frozen=True, slots=True)
class Native:
    """Somebody else's compiled work inside a distribution. `version` is empty where the file does not tell it."""

    name: str
    version: str
    licence: str
    file: Path


def is_allowed(expression: str) -> bool:
    """Whether one alternative of `expression` (SPDX, without brackets) is made of allowed licences alone."""
    return any(
        all(part.strip() in TABLE["allowed"] for part in alternative.split(" AND "))
        for alternative in expression.split(" OR ")
    )


def texts_of(one: Shipped, packages: Path) -> tuple[tuple[str, Path], ...]:
    texts = {}
    for path in one.files:
        relative = path.relative_to(packages)
        inside_metadata = relative.parts[0].endswith(".dist-info")
        if LICENCE_FILE.match(path.name) and path.suffix not in (".py", ".so", ".pyd", ".pyc"):
            named = Path(*relative.parts[1:]) if inside_metadata else relative
            texts[named.as_posix().removeprefix("licenses/")] = path
    texts |= {name: TEXTS / name for name in TABLE["texts"].get(one.name, ())}
    return tuple(sorted(texts.items()))


def gather(packages: Path, only: frozenset[str] | None = None) -> list[Licensed]:
    """The distributions in `packages` (`only` those, where named) with licence and texts, by name.

    SystemExit that names everything that is not allowed, not stated or without a text, all at once.
    """
    licensed, wrong = [], []
    for one in shipped(packages):
        if only is not None and one.name not in only:
            continue
        licence = TABLE["stated"].get(one.name, one.stated_licence)
        texts = texts_of(one, packages)
        if not is_allowed(licence):
            wrong.append(f"{one.name} {one.version}: its licence {licence or '(none stated)'!r} is not on the list")
        if not texts:
            wrong.append(f"{one.name} {one.version}: no licence text in its files")
        licensed.append(Licensed(one, licence, texts))
    if wrong:
        raise SystemExit("These cannot be shipped; see installers/licences.toml:\n" + "\n".join(wrong))
    return licensed


def native_parts(packages: Path) -> list[Native]:
    """The compiled parts by others that the table knows and `packages` holds, by name."""
    files = [path for path in sorted(packages.rglob("*")) if path.is_file()]
    found: list[Native] = []
    for row in TABLE["native"]:
        found += [
            Native(row["name"], version_in(path, row.get("version")), row["licence"], path)
            for path in files
            if any(fnmatchcase(path.relative_to(packages).as_posix(), pattern) for pattern in row["files"])
        ]
    return sorted(found, key=lambda part: (part.name, part.file))


def version_in(path: Path, pattern: str | None) -> str:
    match = re.search(pattern.encode(), path.read_bytes()) if pattern else None
    return match[1].decode() if match else ""


def collect(packages: Path, target: Path) -> None:
    """Writes into `target` the licence texts of all distributions in `packages` and of Mulberry, and a README.txt."""
    rows = []
    for one in gather(packages):
        if one.shipped.name != "mulberry":
            copy_texts(one.texts, target / one.shipped.name)
            rows.append(f"{one.shipped.name} {one.shipped.version}: {one.licence}")
    for name, sources in OUR_OWN.items():
        copy_texts(tuple((Path(source).name, ROOT / source) for source in sources), target / name)
    inside = sorted({(part.name, part.version, part.licence) for part in native_parts(packages)})
    compiled = [f"{name} {version}".rstrip() + f": {licence}" for name, version, licence in inside]
    (target / "README.txt").write_text(README.format(rows="\n".join(rows), compiled="\n".join(compiled)))


def copy_texts(texts: tuple[tuple[str, Path], ...], target: Path) -> None:
    for name, source in texts:
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(source.read_bytes())
