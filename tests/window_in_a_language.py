"""Run as a program: draws each page and first step in a language and prints as JSON what is wrong with their texts.

    python tests/window_in_a_language.py brackets | de | id | ru

In the language of brackets, texts that came from no catalogue are wrong: it puts brackets around those that did. In the
others, texts without the room that they need are. A process speaks one language, so it is one of its own.
"""

import gettext
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mulberry.model import language

if TYPE_CHECKING:
    from mulberry.desktop.desktop import Desktop

BRACKETS = "brackets"
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


def untranslated(desktop: "Desktop") -> Iterator[str]:
    """The texts of the page with a word outside all brackets."""
    from accessible_walk import walk

    first_steps = desktop.first_run.steps
    shown = first_steps if first_steps.isVisible() else desktop.window.pages.currentWidget()
    assert shown is not None
    for told in walk(shown):
        tool_tip = told.widget.toolTip() if told.widget is not None else ""
        yield from (text for text in (told.name, tool_tip) if WORD.search(outside(text)))


def cut(desktop: "Desktop") -> Iterator[str]:
    """The texts of the page, and of the sidebar beside it, without the room that they need."""
    from PySide6.QtGui import QFont, QFontMetrics
    from PySide6.QtWidgets import QAbstractButton, QLabel

    for label in desktop.window.findChildren(QLabel):
        if not label.isVisible() or not label.text():
            continue
        has_room = label.height() >= label.heightForWidth(label.width()) or not label.wordWrap()
        if not has_room or (not label.wordWrap() and label.width() < label.minimumSizeHint().width()):
            yield label.text()
    for button in desktop.window.findChildren(QAbstractButton):
        if button.isVisible() and button.text() and button.width() < button.sizeHint().width():
            yield button.text()
    pages = desktop.window.sidebar.list
    bold = QFont(pages.font())
    bold.setBold(True)
    room = pages.viewport().width() - pages.iconSize().width() - desktop.window.sidebar.theme.px(44)  # of the entry
    for row in range(pages.count()):
        if QFontMetrics(bold).horizontalAdvance(pages.item(row).text()) > room:
            yield pages.item(row).text()


async def page_by_page(look: "Callable[[Desktop], Iterator[str]]") -> dict[str, list[str]]:
    from PySide6.QtWidgets import QApplication

    from conftest import SettableClock
    from mulberry.desktop.sidebar import PAGES
    from mulberry.desktop.theme import Scheme, Theme
    from mulberry.model.first_run import FirstRun, FirstStep
    from shown_window import settled, shown_window

    application = QApplication.instance()
    assert isinstance(application, QApplication)
    found: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with shown_window(Theme(application, Scheme.DARK), SettableClock(), Path(folder)) as desktop:
            desktop.window.resize(1280, 800)
            for page in PAGES:
                desktop.window.choose(page)
                await settled(20)
                found[page] = sorted(set(look(desktop)))
            desktop.first_run.open_again()
            for step in FirstStep:
                desktop.first_run.steps.show_state(FirstRun(step, network="demo"))
                await settled(20)
                found[step] = sorted(set(look(desktop)))
    return found


def main(name: str) -> None:
    if name == BRACKETS:
        language._Spoken.catalogue = Brackets()
    else:
        language.use(name)
    import qasync
    from PySide6.QtWidgets import QApplication

    application = QApplication(sys.argv[:1])
    with qasync.QEventLoop(application) as loop:
        look = untranslated if name == BRACKETS else cut
        found = loop.run_until_complete(page_by_page(look))
    sys.stdout.write(json.dumps(found, ensure_ascii=False))


if __name__ == "__main__":
    main(sys.argv[1])
