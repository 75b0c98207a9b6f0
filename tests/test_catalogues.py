"""A translation that lacks a sentence, or a value in it, tells some owners less than others."""

import re
from collections.abc import Iterable
from string import Formatter

import pytest
from babel.messages.catalog import Catalog, Message

import catalogues

MARKUP = re.compile(r"`[^`]*`")
COUNT = "count"


TEMPLATE = catalogues.gathered()
LANGUAGES = catalogues.languages()


def values(form: str) -> set[str]:
    """The names in braces. Raises ValueError where what stands in braces is more than a name, or a brace alone."""
    found = set()
    for _, name, how, conversion in Formatter().parse(form):
        if name is None:
            continue
        if not name.isidentifier() or how or conversion:
            raise ValueError(form)
        found.add(name)
    return found


def forms(text: str | Iterable[str] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ())


def translated(language: str) -> list[Message]:
    return [message for message in catalogues.read(language) if message.id and message.string]


def test_the_texts_are_found() -> None:
    assert len(TEMPLATE) > 1_000
    assert "Start earning" in TEMPLATE


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(language: str) -> None:
    assert list(catalogues.untranslated(catalogues.updated(language, TEMPLATE))) == []


def test_a_guess_is_no_translation() -> None:
    catalogue = Catalog(locale="de")
    catalogue.add("Start earning", "Verdienen starten")
    catalogue.add("Stop now", "Jetzt anhalten", flags=["fuzzy"])
    catalogue.add(("{count} job", "{count} jobs"), ("{count} Auftrag", ""))
    assert list(catalogues.untranslated(catalogue)) == ["Stop now", "{count} job"]


@pytest.mark.parametrize("form", ["{version} {", "{version!r}", "{version:>9}", "{0}", "{}", "{version.x}"])
def test_what_would_fail_or_say_more_than_the_value_is_seen(form: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        values(form)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogues_are_as_the_tool_makes_them(language: str) -> None:
    catalogue = catalogues.updated(language, TEMPLATE)
    for made, file in (
        (catalogues.as_po(catalogue), f"{language}.po"),
        (catalogues.as_mo(catalogue), f"{language}.mo"),
    ):
        assert (catalogues.CATALOGUES / file).read_bytes() == made, "run `python tools/catalogues.py`"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_names_the_same_values(language: str) -> None:
    for message in translated(language):
        english = [values(form) for form in forms(message.id)]
        for form in forms(message.string):
            named = values(form)
            assert named - {COUNT} == english[-1] - {COUNT}, f"{message.id!r}: {form!r}"
            assert named <= english[-1], f"{message.id!r}: {form!r}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_commands_and_names_of_settings_stay_as_they_are(language: str) -> None:
    for message in translated(language):
        english = set(MARKUP.findall(forms(message.id)[-1]))
        for form in forms(message.string):
            assert set(MARKUP.findall(form)) == english, f"{message.id!r}: {form!r}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_spaces_and_lines_at_the_ends_stay(language: str) -> None:
    for message in translated(language):
        english = forms(message.id)[-1]
        for form in forms(message.string):
            assert form[:1].isspace() == english[:1].isspace(), form
            assert form[-1:].isspace() == english[-1:].isspace(), form
