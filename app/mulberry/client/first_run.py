"""Where the window remembers how far the first steps are, and which network it opens with: beside the networks.

It is read before the first frame, so without `model.encoding`, which takes longer than all else that is read then.
"""

import json
import os
from datetime import datetime
from pathlib import Path

from mulberry.model.errors import UserFacingError
from mulberry.model.files import read_bounded, write_whole
from mulberry.model.first_run import FirstRun, FirstStep
from mulberry.model.language import tr
from mulberry.model.places import is_known_network


class FirstRunFile:
    def __init__(self, root: Path) -> None:
        """`root` is the data folder of all networks."""
        self.root = root
        self._path = root / "first-run.json"

    def load(self) -> FirstRun | None:
        """None where nothing was remembered, or nothing that can be read: then the steps begin anew."""
        try:
            untrusted = read_bounded(self._path)
            return None if untrusted is None else _checked(json.loads(untrusted))
        except (OSError, ValueError, RecursionError):
            return None

    def save(self, state: FirstRun) -> None:
        """Raises `UserFacingError`: it could not be written."""
        from mulberry.model.encoding import to_json

        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self._path, to_json(FirstRun, state))
        except OSError as problem:
            raise UserFacingError(
                what=tr("How far you are could not be remembered."),
                why=f"{self._path}: {os.strerror(problem.errno or 0)}.",
                next_step=tr("Look whether you may write there. Until then these steps begin anew with each start."),
            ) from problem


def _checked(untrusted: object) -> FirstRun:
    """Raises `ValueError`: it is not what `FirstRunFile.save` writes."""
    match untrusted:
        case {
            "step": str(step),
            "is_done": bool(is_done),
            "agreed_at": None | str() as agreed,
            "network": str(network),
        }:
            agreed_at = None if agreed is None else datetime.fromisoformat(agreed)
            return FirstRun(FirstStep(step), is_done, agreed_at, network)
    raise ValueError("these are not the first steps")


def chosen_network(root: Path, fallback: str = "demo") -> str:
    """The network that the window opens with."""
    state = FirstRunFile(root).load()
    return state.network if state is not None and is_known_network(root, state.network) else fallback
