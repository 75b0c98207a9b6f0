"""What the root contract accepted when it was read last, kept beside the network's other files with its date.

So `mulberry check` can say whether an image or a model is accepted before anything runs and without the internet.
"""

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from mulberry.attestation.levels import ImageList
from mulberry.model.eligibility import SeenRoot
from mulberry.model.encoding import from_json, to_json
from mulberry.model.files import read_bounded, write_whole
from mulberry.model.language import tr
from mulberry.model.network import NetworkProfile
from mulberry.model.root_contract import RootParameters
from mulberry.ton.address import parse_address

log = logging.getLogger(__name__)

KEPT_FOR = timedelta(hours=1)  # a date that is older is written anew although nothing else changed


def seen(parameters: RootParameters, as_of: datetime | None) -> SeenRoot:
    return SeenRoot(
        address=parameters.root_address,
        version=parameters.version,
        worker_hashes=tuple(accepted.hex() for accepted in parameters.worker_hashes),
        model_hashes=tuple(accepted.hex() for accepted in parameters.model_hashes),
        as_of=as_of,
    )


def keep_seen_root(path: Path, new: SeenRoot, old: SeenRoot | None) -> SeenRoot:
    """Writes `new` unless `old`, the last one kept, says nearly the same. What is kept now."""
    if old is not None and new.as_of is not None and old.as_of is not None:
        said_lately = abs(new.as_of - old.as_of) < KEPT_FOR
        if said_lately and replace(new, as_of=old.as_of) == old:
            return old
    try:
        write_whole(path, to_json(SeenRoot, new))
    except OSError as problem:
        log.warning("the root contract's lists could not be written down: %s", problem)
    return new


def load_seen_root(path: Path) -> SeenRoot | None:
    """None: nothing was kept, or it cannot be used. Whose lists these are stands in it: see `seen_root_of`."""
    try:
        untrusted = read_bounded(path)
        return None if untrusted is None else from_json(SeenRoot, untrusted)
    except (OSError, ValueError) as problem:
        log.warning("the root contract's lists that were written down are not used: %s", problem)
        return None


def seen_root_of(profile: NetworkProfile, path: Path) -> SeenRoot | None:
    """What was kept of the root contract that `profile` names. None: nothing, or it is another contract's."""
    found = load_seen_root(path)
    if found is None or not _is_same(found.address, profile.root_contract_address):
        return None
    return found


def _is_same(one: str, other: str) -> bool:
    """Two written addresses may look different and be the same one."""
    try:
        return parse_address(one) == parse_address(other)
    except ValueError:
        return False


def listed_images(root: SeenRoot) -> ImageList:
    """Of workers, for the judge of levels."""
    read_from = (
        tr("the network's profile")
        if root.as_of is None
        else tr("root contract of {time} UTC", time=f"{root.as_of:%Y-%m-%d %H:%M}")
    )
    return ImageList(frozenset(root.worker_hashes), read_from)
