"""Which networks this computer knows: those that come with Mulberry, and those that were joined by a file."""

import os
from dataclasses import dataclass
from pathlib import Path

from mulberry.client.farewell import is_free
from mulberry.model.errors import UserFacingError
from mulberry.model.files import read_bounded, write_whole
from mulberry.model.joining import Wishes, profile_of
from mulberry.model.language import tr
from mulberry.model.network import PROFILE_SIZE_LIMIT_BYTES, NetworkProfile, load_profile
from mulberry.model.places import DataFolder, resource

MOST_JOINED = 100


@dataclass(frozen=True, slots=True)
class KnownNetwork:
    """`kind`: demo, test or mainnet. `title` is a stranger's text where it was joined by a file."""

    name: str
    title: str
    kind: str


def known_networks(root: Path) -> tuple[KnownNetwork, ...]:
    """The bundled ones first. A joined one whose profile cannot be read any more is left out."""
    bundled = sorted(path.stem for path in resource("networks").glob("*.json"))
    joined = sorted(path.parent.name for path in root.glob("*/profile.json"))[:MOST_JOINED]
    found = [load_profile(name) for name in bundled]
    for name in joined:
        try:
            profile = load_profile(str(DataFolder.of_network(root, name).profile))
        except UserFacingError:
            continue
        if profile.name == name and name not in bundled:
            found.append(profile)
    return tuple(KnownNetwork(each.name, each.title, each.kind) for each in found)


def join_by_file(root: Path, path: Path) -> KnownNetwork:
    """Keeps the network that a file describes: a profile of ours or the public binaries' parameters.

    Raises `UserFacingError`: the file is none, or an agent works for that network by another one.
    """
    profile = profile_of(str(path.absolute()), Wishes())
    folder = DataFolder.of_network(root, profile.name)
    written = profile.model_dump_json(indent=2, exclude_unset=True).encode()
    try:
        folder.create()
        if _kept(folder.profile) != written:
            _refuse_while_it_works(folder, profile)
            write_whole(folder.profile, written)
    except OSError as problem:
        raise UserFacingError(
            what=tr("The network {title} could not be kept.", title=profile.title),
            why=f"{folder.path}: {os.strerror(problem.errno or 0)}.",
            next_step=tr("Look whether you may write there, then try again."),
        ) from problem
    return KnownNetwork(profile.name, profile.title, profile.kind)


def _kept(path: Path) -> bytes | None:
    try:
        return read_bounded(path, PROFILE_SIZE_LIMIT_BYTES)
    except ValueError:  # larger than any profile: it is replaced
        return None


def _refuse_while_it_works(folder: DataFolder, profile: NetworkProfile) -> None:
    if not is_free(folder.lock):
        raise UserFacingError(
            what=tr("An agent works for this network already, by another file."),
            why=tr("{path} is in use.", path=folder.path),
            next_step=tr(
                "End it with `mulberry quit --network {name}`, then choose the file again.", name=profile.name
            ),
        )
