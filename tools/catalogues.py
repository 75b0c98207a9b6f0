"""Gathers the texts of the source into the catalogues under resources/languages/, and compiles those.

python tools/catalogues.py            adds new texts, drops those that are gone, compiles; says what is untranslated
"""

import ast
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from mulberry.model.language import ENGLISH, LANGUAGES

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "app" / "mulberry"
CATALOGUES = ROOT / "resources" / "languages"
KEYWORDS = {"tr": None, "tr_count": (1, 2)}
WIDTH = 120
NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)  # a catalogue changes when its texts do, not when it is made


def languages() -> list[str]:
    return [language for language in LANGUAGES if language != ENGLISH]


def gathered() -> Catalog:
    """Every text of the source that goes through `tr` or `tr_count`, with the files that say it."""
    template = Catalog(project="Mulberry", charset="utf-8", creation_date=NO_DATE, revision_date=NO_DATE)
    found = extract_from_dir(SOURCE, keywords=KEYWORDS, comment_tags=("Translators:",), strip_comment_tags=True)
    for file, _line, text, comments, _context in sorted(found, key=lambda each: (each[0], each[1])):
        template.add(text, locations=[(file, 0)], auto_comments=comments)
    for path in sorted(SOURCE.rglob("*.py")):
        for said in within_f_strings(path.read_text("utf-8")):
            template.add(said, locations=[(path.relative_to(SOURCE).as_posix(), 0)])
    return template


def within_f_strings(source: str) -> Iterator[str | tuple[str, str]]:
    """The texts that f-strings contain calls for: before Python 3.12, Babel sees a token there and does not look in."""
    strings = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.JoinedStr))
    for call in (node for string in strings for node in ast.walk(string) if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Name) and call.func.id in KEYWORDS:
            texts = [ast.literal_eval(argument) for argument in call.args[: len(KEYWORDS[call.func.id] or (1,))]]
            yield texts[0] if len(texts) == 1 else (texts[0], texts[1])


def read(language: str) -> Catalog:
    file = CATALOGUES / f"{language}.po"
    if not file.exists():
        return Catalog(locale=language, project="Mulberry")
    with file.open("rb") as opened:
        return read_po(opened, locale=language)


def updated(language: str, template: Catalog) -> Catalog:
    """The translations there are, for exactly the texts of `template`. A changed text is a new one: none is guessed."""
    catalogue = read(language)
    catalogue.update(template, no_fuzzy_matching=True, update_header_comment=False, update_creation_date=False)
    catalogue.obsolete.clear()
    catalogue.header_comment = f"# Mulberry in {LANGUAGES[language]}. Made and compiled by tools/catalogues.py."
    catalogue.fuzzy = False
    catalogue.creation_date = catalogue.revision_date = NO_DATE
    return catalogue


def as_po(catalogue: Catalog) -> bytes:
    written = io.BytesIO()
    write_po(written, catalogue, width=WIDTH, include_lineno=False, sort_by_file=True)
    return written.getvalue()


def as_mo(catalogue: Catalog) -> bytes:
    written = io.BytesIO()
    write_mo(written, catalogue)
    return written.getvalue()


def untranslated(catalogue: Catalog) -> Iterator[str]:
    """The English of each text that lacks its translation, or one of its plural forms, or has one marked as a guess:
    guesses are not compiled."""
    for message in catalogue:
        english = message.id if isinstance(message.id, str) else message.id[0]
        forms = (message.string,) if isinstance(message.string, str) else tuple(message.string or ("",))
        wanted = catalogue.num_plurals if message.pluralizable else 1
        if english and (not all(forms) or len(forms) != wanted or message.fuzzy):
            yield english


def main() -> None:
    template = gathered()
    CATALOGUES.mkdir(exist_ok=True)
    for language in languages():
        catalogue = updated(language, template)
        (CATALOGUES / f"{language}.po").write_bytes(as_po(catalogue))
        (CATALOGUES / f"{language}.mo").write_bytes(as_mo(catalogue))
        missing = sum(1 for _ in untranslated(catalogue))
        print(f"{language}: {len(catalogue)} texts, {missing} without a translation")


if __name__ == "__main__":
    main()
