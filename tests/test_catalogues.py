"""A translation that lacks a sentence, or a value in it, tells some owners less than others."""

import re
from collections.abc import Iterable

import pytest
from babel.messages.catalog import Message

import catalogues

PLACEHOLDER = re.compile(r"{(\w+)}")
MARKUP = re.compile(r"`[^`]*`")
COUNT = "count"


TEMPLATE = catalogues.gathered()
LANGUAGES = catalogues.languages()


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
        english = [set(PLACEHOLDER.findall(form)) for form in forms(message.id)]
        for form in forms(message.string):
            named = set(PLACEHOLDER.findall(form))
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
