"""The owner's language. Texts stand in the code in English, whole sentences with named values, and are looked up here.

A process speaks one language, chosen before it says anything: constants may then be translated where they are written.
Catalogues are GNU gettext's (https://www.gnu.org/software/gettext/manual/html_node/MO-Files.html), made by
`tools/catalogues.py`. The command line, logs and whatever leaves the computer stay English.
"""

import ctypes
import gettext
import json
import locale
import os
import re
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

from mulberry.model.files import read_bounded
from mulberry.model.places import computer_settings, resource

SYSTEM: Final = "system"
ENGLISH: Final = "en"
LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "de": "Deutsch", "id": "Bahasa Indonesia", "ru": "Русский"}
DECIMAL_MARKS: Final[Mapping[str, str]] = {"de": ",", "id": ",", "ru": ","}
GROUP_MARKS: Final[Mapping[str, str]] = {"de": ".", "id": ".", "ru": "\N{NO-BREAK SPACE}"}
LOCALE_VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")  # in the order in which gettext asks them


class _Spoken:
    """What this process speaks, and whether it has said anything yet."""

    language: str = ENGLISH
    catalogue: gettext.NullTranslations = gettext.NullTranslations()
    has_begun: bool = False


def use(language: str) -> None:
    """Speaks `language` (one of LANGUAGES, or SYSTEM) from now on; English, where there is none of that name.

    Raises RuntimeError when something was said before: it would stay in the other language.
    """
    if _Spoken.has_begun:
        raise RuntimeError("the language must be chosen before the first text is translated")
    chosen = of_the_system() if language == SYSTEM else language
    if chosen not in LANGUAGES:
        chosen = ENGLISH
    _Spoken.language = chosen
    _Spoken.catalogue = gettext.NullTranslations()
    if chosen != ENGLISH:
        with resource(f"languages/{chosen}.mo").open("rb") as file:
            _Spoken.catalogue = gettext.GNUTranslations(file)


def of_the_owner(root: Path) -> str:
    """What the owner chose in the settings under the data folder `root`; SYSTEM where nothing can be read of it.

    The agent says what is wrong with such a file: to be understood comes first.
    """
    try:
        values = json.loads(read_bounded(computer_settings(root)) or b"{}")
        return str(values.get("language", SYSTEM))
    except (OSError, ValueError, RecursionError, AttributeError):
        return SYSTEM


def spoken() -> str:
    """The language of this process: a key of LANGUAGES."""
    return _Spoken.language


def of_the_system() -> str:
    """The first language that the environment asks for and that we speak; else what Windows says; else English."""
    for variable in LOCALE_VARIABLES:
        asked_for = [_language_of(name) for name in os.environ.get(variable, "").split(":")]
        if any(asked_for):
            return next((name for name in asked_for if name in LANGUAGES), ENGLISH)
    if sys.platform == "win32":  # it names a language in no variable, and to Python in its own words
        number = ctypes.windll.kernel32.GetUserDefaultUILanguage()
        return _language_of(locale.windows_locale.get(number, ENGLISH))
    return ENGLISH


def _language_of(untrusted_locale: str) -> str:
    """`de` of de_DE.UTF-8, de@euro and de-AT; "" of what begins with no letters."""
    return re.split(r"[^a-z]", untrusted_locale.lower(), maxsplit=1)[0]


class Said(str):
    """A text in another language than English. It knows its English, for whoever else than the owner gets it."""

    __slots__ = ("english",)
    english: str

    def __new__(cls, said: str, english: str) -> "Said":
        text = super().__new__(cls, said)
        text.english = english
        return text

    def __str__(self) -> str:
        return self  # so that `str(problem)` of an exception made with it still knows


def english(text: str) -> str:
    """What `text`, as `tr`, `tr_count` or `number` gave it, is in English; any other text as it is."""
    return text.english if isinstance(text, Said) else text


def tr(text: str, /, **values: object) -> str:
    """`text` in the owner's language, each `{name}` of it replaced by the value of that name.

    Without values the braces stay as they are. `text` must be a literal: catalogues are gathered from the source.
    """
    _Spoken.has_begun = True
    return _said(_Spoken.catalogue.gettext(text), text, values)


def tr_count(one: str, many: str, count: int, /, **values: object) -> str:
    """The form of the text that fits `count`, which it may name as `{count}`: languages have up to four forms."""
    _Spoken.has_begun = True
    named = {"count": number(f"{count:,}"), **values}
    return _said(_Spoken.catalogue.ngettext(one, many, count), one if count == 1 else many, named)


def _said(translated: str, text: str, values: Mapping[str, object]) -> str:
    said = translated.format(**values) if values else translated
    if _Spoken.language == ENGLISH:
        return said
    in_english = {
        name: english(str(value)) if isinstance(value, str | Exception) else value for name, value in values.items()
    }
    return Said(said, text.format(**in_english) if values else text)


def number(english: str) -> str:
    """A number as Python writes it (`1,234.5`) with the marks of the owner's language (`1.234,5`)."""
    if _Spoken.language == ENGLISH:
        return english
    marks = {",": GROUP_MARKS[_Spoken.language], ".": DECIMAL_MARKS[_Spoken.language]}
    return Said("".join(marks.get(sign, sign) for sign in english), english)


def dated(moment: date, form: str) -> str:
    """`moment.strftime(form)`, with the month's (%b) and the weekday's (%a) short names in the owner's language."""
    months = [tr("Jan"), tr("Feb"), tr("Mar"), tr("Apr"), tr("May"), tr("Jun")]
    months += [tr("Jul"), tr("Aug"), tr("Sep"), tr("Oct"), tr("Nov"), tr("Dec")]
    days = (tr("Mon"), tr("Tue"), tr("Wed"), tr("Thu"), tr("Fri"), tr("Sat"), tr("Sun"))
    return moment.strftime(form.replace("%b", months[moment.month - 1]).replace("%a", days[moment.weekday()]))
