"""Run as a program: draws every page in a language that puts brackets around what went through the catalogue, and
prints as JSON, page by page, the texts that have none. A process speaks one language, so it is one of its own.
"""

import gettext
import json
import re
import sys
import tempfile
from pathlib import Path

from mulberry.model import language

OPENS, CLOSES = "⟦", "⟧"
WORD = re.compile(r"[A-Za-z]{3,}")


class Brackets(gettext.NullTranslations):
    def gettext(self, message: str) -> str:
        return f"{OPENS}{message}{CLOSES}"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"{OPENS}{msgid1 if n == 1 else msgid2}{CLOSES}"


def outside(text: str) -> str:
    """What of the text stands in no bracket."""
    kept, depth = [], 0
    for sign in text:
        depth += (sign == OPENS) - (sign == CLOSES)
        kept.append(sign if depth == 0 else "")
    return "".join(kept).replace(CLOSES, " ")


async def untranslated_texts() -> dict[str, list[str]]:
    """Page by page, the texts with a word outside all brackets."""
    from PySide6.QtWidgets import QApplication

    from accessible_walk import walk
    from conftest import SettableClock
    from mulberry.desktop.theme import Scheme, Theme
    from mulberry.desktop.window import PAGES
    from shown_window import settled, shown_window

    application = QApplication.instance()
    assert isinstance(application, QApplication)
    found: dict[str, list[str]] = {}
    clock = SettableClock()
    with tempfile.TemporaryDirectory() as folder:
        async with shown_window(Theme(application, Scheme.DARK), clock, Path(folder)) as desktop:
            for page in PAGES:
                desktop.window.choose(page)
                await settled(20)
                shown = desktop.window.pages.currentWidget()
                assert shown is not None
                texts = {told.name for told in walk(shown)}
                texts |= {told.widget.toolTip() for told in walk(shown) if told.widget is not None}
                found[page] = sorted(text for text in texts if WORD.search(outside(text)))
    return found


def main() -> None:
    language._Spoken.catalogue = Brackets()
    import qasync
    from PySide6.QtWidgets import QApplication

    application = QApplication(sys.argv[:1])
    with qasync.QEventLoop(application) as loop:
        print(json.dumps(loop.run_until_complete(untranslated_texts()), ensure_ascii=False))


if __name__ == "__main__":
    main()
