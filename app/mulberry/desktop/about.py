"""What the About page says: versions, where things lie, and under which licences it uses what it uses. No network."""

import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from PySide6 import __version__ as pyside_version
from PySide6.QtCore import qVersion

from mulberry import __version__
from mulberry.model.language import tr
from mulberry.model.places import DataFolder, model_store
from mulberry.model.text import plain

LONGEST_LICENCE = 60  # some packages put the whole text where its name belongs
CLASSIFIER = "License :: OSI Approved :: "
NOT_SAID = tr("not said by the package")


@dataclass(frozen=True, slots=True)
class Part:
    """A package that Mulberry uses, as its own metadata describes it."""

    name: str
    version: str
    licence: str


def versions(agent_version: str | None) -> tuple[tuple[str, str], ...]:
    """Names and values."""
    return (
        (tr("This window"), __version__),
        (tr("The agent"), agent_version or tr("it has not answered yet")),
        ("Python", platform.python_version()),
        ("Qt", tr("{qt} with PySide6 {pyside}", qt=qVersion(), pyside=pyside_version)),
        (tr("System"), f"{platform.system()} {platform.release()}, {platform.machine()}"),
    )


def where_things_lie(folder: DataFolder) -> tuple[tuple[str, str], ...]:
    return (
        (tr("Data of this network"), str(folder.path)),
        (tr("Jobs and money (ledger)"), str(folder.ledger)),
        (tr("Your settings"), str(folder.settings)),
        (tr("The agent's log"), str(folder.agent_log)),
        (tr("Imported models"), str(model_store(folder.path.parent))),
    )


def parts() -> tuple[Part, ...]:
    """What Mulberry needs, and what that needs; all packages of this Python where Mulberry runs from its sources."""
    try:
        found = _needed("mulberry")
    except metadata.PackageNotFoundError:
        found = {_same(each.name): each for each in metadata.distributions()}
    found.pop("mulberry", None)
    made = (_part(each.metadata) for each in found.values())
    return tuple(sorted(made, key=lambda part: part.name.lower()))


def _part(said: metadata.PackageMetadata) -> Part:
    """`said` once, for a package reads and parses it anew whenever it is asked."""
    return Part(said["Name"], said["Version"], licence(said))


def licence(said: metadata.PackageMetadata) -> str:
    """In its own words, short."""
    for text in (*(said.get_all("License-Expression") or ()), *(said.get_all("License") or ())):
        if len(text) <= LONGEST_LICENCE and text.strip() not in ("", "UNKNOWN"):
            return plain(text.strip())
    classifiers = said.get_all("Classifier") or ()
    named = [each.removeprefix(CLASSIFIER) for each in classifiers if each.startswith(CLASSIFIER)]
    return plain(", ".join(named)) if named else NOT_SAID


def _needed(name: str) -> dict[str, metadata.Distribution]:
    found: dict[str, metadata.Distribution] = {}
    unseen = [name]
    while unseen:
        package = metadata.distribution(unseen.pop())
        found[_same(package.name)] = package
        unseen += [each for each in _requirements(package) if _same(each) not in found and _is_installed(each)]
    return found


def _requirements(package: metadata.Distribution) -> Iterator[str]:
    for requirement in package.requires or ():
        named = re.match(r"[\w.-]+", requirement)
        if named is not None and "extra ==" not in requirement:
            yield named[0]


def _is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _same(name: str) -> str:
    """Names of packages are the same whatever their case and dashes."""
    return re.sub(r"[-_.]+", "-", name).lower()
