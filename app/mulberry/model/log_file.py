"""The log of a process: one file of a bounded size, in English, for whoever helps its owner."""

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from mulberry.model.errors import UserFacingError
from mulberry.model.language import Said


def log_to(path: Path, level: int, most_bytes: int, old_files: int) -> None:
    """From now on this process logs there. No part of Mulberry logs prompts, answers or keys."""
    handler = RotatingFileHandler(path, maxBytes=most_bytes, backupCount=old_files, delay=True, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.addFilter(in_english)
    logging.basicConfig(level=level, handlers=[handler])


def in_english(record: logging.LogRecord) -> bool:
    """A filter that keeps every record: whoever helps the owner may not speak the owner's language."""
    if isinstance(record.args, tuple):
        record.args = tuple(map(_argument_in_english, record.args))
    return True


def _argument_in_english(argument: object) -> object:
    if isinstance(argument, UserFacingError):
        return argument.in_english
    said = str(argument) if isinstance(argument, str | Exception) else None
    return said.english if isinstance(said, Said) else argument
