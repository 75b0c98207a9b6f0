"""Settings on disk: one JSON object with the version of its form. Older forms are brought up to date when read, a newer
one is refused whole, and one that cannot be read is kept aside; so nothing an owner chose is lost.
"""

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import JsonValue, ValidationError

from mulberry.agent.setting import SettingsModel, describe
from mulberry.model.clock import Clock
from mulberry.model.encoding import in_words
from mulberry.model.errors import UserFacingError
from mulberry.model.files import keep_aside, read_bounded, write_whole
from mulberry.model.language import tr
from mulberry.model.settings import allowed

log = logging.getLogger(__name__)

Values = TypeVar("Values", bound=SettingsModel)
Migration = Callable[[dict[str, Any]], dict[str, Any]]  # from one version's values to the next one's
VERSION_KEY = "version"
FIRST_VERSION = 1  # of files that name none


class SettingsFile:
    """One file of settings. `migrations[n]` leads from version n + 1 to n + 2, so their number makes the version."""

    def __init__(self, path: Path, migrations: tuple[Migration, ...] = ()) -> None:
        self.path = path
        self._migrations = migrations

    @property
    def version(self) -> int:
        return FIRST_VERSION + len(self._migrations)

    def load(self, kind: type[Values], clock: Clock) -> Values:
        """What the owner chose; the defaults without a file, or after one that cannot be used was kept aside.

        Raises `UserFacingError`: the file was written by a newer Mulberry, and is left as it is; or it cannot be read.
        """
        try:
            return self.read(kind) or kind()
        except (ValueError, RecursionError) as mistakes:
            aside = keep_aside(self.path, clock)
            said = in_words(mistakes) if isinstance(mistakes, ValidationError) else str(mistakes)
            log.warning("the settings could not be used and were kept as %s: %s", aside.name, said)
            return kind()
        except OSError as problem:
            raise UserFacingError(
                what=tr("The settings cannot be read."),
                why=f"{self.path}: {problem.strerror or problem}.",
                next_step=tr("See who may read it, and whether its disk is well."),
            ) from problem

    def read(self, kind: type[Values]) -> Values | None:
        """As `load`, but a file that cannot be used is left in its place. None: there is no file.

        Raises `ValueError` (a `ValidationError` is one) or `RecursionError`: it cannot be used; `OSError`: nor be read.
        """
        untrusted = read_bounded(self.path)
        return None if untrusted is None else kind.model_validate_json(json.dumps(self._brought_up_to_date(untrusted)))

    def _brought_up_to_date(self, untrusted: bytes) -> dict[str, Any]:
        values: dict[str, Any] = json.loads(untrusted)
        if not isinstance(values, dict):
            raise ValueError("not an object")
        version = values.pop(VERSION_KEY, FIRST_VERSION)
        if not isinstance(version, int) or isinstance(version, bool) or version < FIRST_VERSION:
            raise ValueError("its version is no number of one")
        if version > self.version:
            raise UserFacingError(
                what=tr("These settings are of a newer Mulberry."),
                why=tr(
                    "{path} has version {version}; this program knows {newest} at most.",
                    path=self.path,
                    version=version,
                    newest=self.version,
                ),
                next_step=tr("Install the newer program again. The file was left as it is."),
            )
        for migrate in self._migrations[version - FIRST_VERSION :]:
            values = migrate(values)
        return values

    def save(self, values: SettingsModel) -> None:
        """Only what differs from the defaults is written, so that a better default reaches who never chose.

        Raises `UserFacingError`: it could not be written, and the old file is whole.
        """
        chosen: dict[str, JsonValue] = {
            VERSION_KEY: self.version,
            **values.model_dump(mode="json", exclude_defaults=True),
        }
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self.path, json.dumps(chosen, indent=2, ensure_ascii=False).encode() + b"\n")
        except OSError as problem:
            raise UserFacingError(
                what=tr("The setting was not changed."),
                why=tr("{path} cannot be written: {problem}.", path=self.path, problem=problem.strerror or problem),
                next_step=tr("Make room on its disk, or see who may write there."),
            ) from problem


def changed(values: Values, changes: Mapping[str, JsonValue], reset: tuple[str, ...] = ()) -> Values:
    """`values` with those changes and without those of `reset`. Raises `UserFacingError`: they cannot be had."""
    held = values.model_dump(mode="json", exclude_defaults=True) | dict(changes)
    for name in reset:
        held.pop(name, None)
    try:
        return type(values).model_validate_json(json.dumps(held))
    except ValidationError as mistakes:
        wrong = mistakes.errors(include_url=False, include_input=False)[0]
        setting = next(each for each in describe(values, of_computer=False) if each.name == wrong["loc"][0])
        raise UserFacingError(
            what=tr("The setting was not changed."),
            why=tr("“{title}” must be {allowed}.", title=setting.title, allowed=allowed(setting)),
            next_step=tr("Choose such a value."),
            detail=wrong["msg"].removeprefix("Value error, ") if wrong["type"] == "value_error" else "",
        ) from None
