"""The owner's wish on disk: a crash or a reboot goes on with it."""

import logging
from pathlib import Path

from mulberry.model.clock import Clock
from mulberry.model.encoding import from_json, to_json
from mulberry.model.errors import UserFacingError
from mulberry.model.files import keep_aside, read_bounded, write_whole
from mulberry.model.language import tr
from mulberry.model.node import Intent, Want

log = logging.getLogger(__name__)


def load_intent(path: Path, clock: Clock) -> Intent:
    """The wish as it was stored. Without one, or with an unreadable one, nothing runs before the owner says so."""
    try:
        untrusted = read_bounded(path)
        if untrusted is not None:
            return _aware(from_json(Intent, untrusted))
    except ValueError as mistakes:
        aside = keep_aside(path, clock)
        log.warning("the stored wish could not be read and was kept as %s: %s", aside.name, mistakes)
    return Intent(Want.STOP, since=clock.now())


def save_intent(path: Path, intent: Intent) -> None:
    """On disk when this returns. Raises `OSError`, and then the wish before it is still stored."""
    write_whole(path, to_json(Intent, intent) + b"\n")


def _aware(intent: Intent) -> Intent:
    if intent.since.tzinfo is None or (intent.until is not None and intent.until.tzinfo is None):
        raise ValueError("a time without its zone")
    return intent


def not_stored(path: Path, problem: OSError) -> UserFacingError:
    return UserFacingError(
        what=tr("It is done, but your wish could not be stored."),
        why=f"{path}: {problem.strerror or problem}.",
        next_step=tr("Make room on its disk; until then a restart goes on with your wish before this one."),
    )
