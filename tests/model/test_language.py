"""An owner gets the language that the system asks for, and numbers and values that no translation changes."""

import gettext
from datetime import date

import pytest

from mulberry.model import language
from mulberry.model.language import LOCALE_VARIABLES, dated, english, number, of_the_system, tr, tr_count


class German(gettext.NullTranslations):
    """Two texts of it."""

    def gettext(self, message: str) -> str:
        return {"Driver {version} is too old.": "Treiber {version} ist zu alt."}.get(message, message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return "{count} Auftrag" if n == 1 else "{count} Aufträge"


@pytest.fixture
def in_german(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language._Spoken, "language", "de")
    monkeypatch.setattr(language._Spoken, "catalogue", German())
    monkeypatch.setattr(language._Spoken, "has_begun", True)


@pytest.fixture
def no_language(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in LOCALE_VARIABLES:
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.usefixtures("no_language")
@pytest.mark.parametrize(
    ("asked_for", "spoken"),
    [
        ({"LANG": "de_DE.UTF-8"}, "de"),
        ({"LANG": "de_DE@euro"}, "de"),
        ({"LANG": "de@formal"}, "de"),
        ({"LANGUAGE": "de-AT"}, "de"),
        ({"LANGUAGE": "xx:de:id"}, "de"),
        ({"LANGUAGE": "", "LANG": "ru_RU.KOI8-R"}, "ru"),
        ({"LANGUAGE": "::", "LANG": "id_ID"}, "id"),
        ({"LC_ALL": "C.UTF-8", "LANG": "de_DE.UTF-8"}, "en"),
        ({"LC_ALL": "POSIX"}, "en"),
        ({"LANG": "tr_TR.UTF-8"}, "en"),
        ({"LANG": "ID_ID"}, "id"),
        ({"LANG": "deutsch"}, "en"),
        ({"LANG": "../../de"}, "en"),
        ({"LANG": "\N{ARABIC-INDIC DIGIT ONE}" * 1000}, "en"),
        ({}, "en"),
    ],
)
def test_the_first_language_that_the_system_asks_for_and_we_speak(
    asked_for: dict[str, str], spoken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in asked_for.items():
        monkeypatch.setenv(variable, value)
    assert of_the_system() == spoken


@pytest.mark.usefixtures("in_german")
@pytest.mark.parametrize("hostile", ["{version}", "{0}", "{", "}{", "%s", "{version.__class__}", "\u202e580"])
def test_what_stands_in_a_value_is_said_as_it_stands(hostile: str) -> None:
    said = tr("Driver {version} is too old.", version=hostile)
    assert said == f"Treiber {hostile} ist zu alt."
    assert english(said) == f"Driver {hostile} is too old."


@pytest.mark.usefixtures("in_german")
def test_a_translated_problem_knows_its_english_within_another() -> None:
    inner = ValueError(tr("Driver {version} is too old.", version=3))
    assert str(inner) == "Treiber 3 ist zu alt."
    outer = tr("{what} Stop.", what=inner)
    assert (outer, english(outer)) == ("Treiber 3 ist zu alt. Stop.", "Driver 3 is too old. Stop.")


@pytest.mark.usefixtures("in_german")
def test_counts_and_amounts_have_the_marks_of_the_language_and_keep_their_english() -> None:
    jobs = tr_count("{count} job", "{count} jobs", 12_345)
    assert (jobs, english(jobs)) == ("12.345 Aufträge", "12,345 jobs")
    assert english(tr_count("{count} job", "{count} jobs", 1)) == "1 job"
    assert number("-1,234.50") == "-1.234,50"


def test_english_is_said_as_it_is_written() -> None:
    assert tr("Nothing with {braces}.") == "Nothing with {braces}."
    assert type(tr("Driver {version} is too old.", version=3)) is str
    assert number("1,234.5") == "1,234.5"


def test_months_and_days_need_no_locale_of_the_system() -> None:
    assert dated(date(2026, 3, 1), "%a %d %b %Y") == "Sun 01 Mar 2026"


def test_a_language_is_not_changed_when_something_was_said() -> None:
    tr("Nothing.")
    with pytest.raises(RuntimeError, match="before the first text"):
        language.use("de")
