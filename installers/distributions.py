"""The Python distributions in a folder of packages, as their own metadata tells of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.utils import canonicalize_name


@dataclass(frozen=True, slots=True)
class Shipped:
    """One distribution: its name as PyPI normalises it, and the files of it that are really there."""

    name: str
    version: str
    stated_licence: str  # License-Expression, else License, else the classifiers; empty where nothing is stated
    files: tuple[Path, ...]  # absolute, sorted


def shipped(packages: Path) -> Iterator[Shipped]:
    """The distributions of `packages` (a site-packages folder), by name. SystemExit where there is none."""
    found = sorted(
        metadata.distributions(path=[str(packages)]), key=lambda one: canonicalize_name(one.metadata["Name"])
    )
    if not found:
        raise SystemExit(f"There are no Python packages in {packages}.")
    for one in found:
        paths = sorted({Path(str(one.locate_file(file))) for file in one.files or ()})
        yield Shipped(
            canonicalize_name(one.metadata["Name"]),
            one.version,
            stated_licence(one.metadata),
            tuple(path for path in paths if path.is_file()),
        )


def stated_licence(told: metadata.PackageMetadata) -> str:
    fields = told.json
    if expression := fields.get("license_expression"):
        return str(expression)
    line = str(fields.get("license", "")).strip()
    if line and line != "UNKNOWN" and "\n" not in line:
        return line
    classifiers = [str(one) for one in told.get_all("Classifier") or () if str(one).startswith("License ::")]
    return "; ".join(one.rpartition(" :: ")[2] for one in classifiers)
