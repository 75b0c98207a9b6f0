"""This installation's device key: it signs statements about this computer, and nothing else.

It is no money, and proves no more than that two statements came from the same folder: so it lies open in the network's
data folder, readable by its owner only. Another network has another one, and a lost one is simply made anew.
"""

import logging
from pathlib import Path

from nacl.signing import SigningKey

from mulberry.model.errors import UserFacingError
from mulberry.model.files import read_bounded, write_whole
from mulberry.model.language import tr

KEY_BYTES = 32

log = logging.getLogger(__name__)


def device_key(path: Path) -> SigningKey:
    """The key in the file, made where there is none or none that can be used. Raises `UserFacingError`: not kept."""
    try:
        untrusted = read_bounded(path)
        if untrusted is not None and len(untrusted) == KEY_BYTES:
            return SigningKey(untrusted)
        if untrusted is not None:
            log.warning("%s held no key and was replaced", path)
        key = SigningKey.generate()
        write_whole(path, bytes(key))
        return key
    except ValueError:
        why = tr("{path} holds something else.", path=path)
    except OSError as problem:
        why = f"{path}: {problem.strerror or problem}."
    raise UserFacingError(
        what=tr("This computer's device key cannot be kept."),
        why=why,
        next_step=tr("See that the folder is yours and that its disk has room, then check again."),
    )
