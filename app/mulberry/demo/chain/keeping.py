"""The chain's file: it outlives the demo network's process, so that what was paid once stays paid.

Written whole and then renamed, so that a crash leaves the older file. Who starts from an older one sees the chain go
back a few seconds; no transaction is ever half there.
"""

import logging
import os
import tempfile
from pathlib import Path

from mulberry.demo.chain.chain import LocalChain
from mulberry.demo.chain.emulator import Emulator
from mulberry.model.clock import Clock

logger = logging.getLogger(__name__)


def open_chain(path: Path, seed: bytes, clock: Clock, emulator: Emulator) -> LocalChain:
    """The chain in the file, or a new one from `seed`. A file that cannot be read is put aside as `….broken`."""
    try:
        return LocalChain.restore(path.read_bytes(), clock, emulator)
    except FileNotFoundError:
        pass
    except ValueError as problem:
        aside = path.with_name(path.name + ".broken")
        logger.warning("the demo chain's file was put aside as %s: %s", aside.name, problem)
        path.replace(aside)
    return LocalChain(seed, clock, emulator)


def keep_chain(path: Path, chain: LocalChain) -> None:
    """Writes the chain's file. Raises `OSError`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(chain.snapshot())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
