"""One of a few, each with a sentence of what it means. The arrow keys go through them."""

from typing import Generic, TypeVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QRadioButton, QVBoxLayout, QWidget

from mulberry.desktop.cards import Text, clear, narrow
from mulberry.desktop.theme import Theme
from mulberry.model.text import plain

Key = TypeVar("Key")
INDENT = 34  # under the words, not under the circle


class ChoiceList(QWidget, Generic[Key]):
    picked = Signal()  # by its owner

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__()
        self._theme = theme
        self._group = QButtonGroup(self)
        self._group.buttonClicked.connect(lambda button: self.picked.emit())
        self.buttons: dict[Key, QRadioButton] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.px(2))
        self.setAccessibleName(name)

    def add(self, key: Key, title: str, explanation: str) -> None:
        button = QRadioButton(plain(title, 80).replace("&", "&&"))
        button.setAccessibleName(plain(title, 80))
        button.setAccessibleDescription(plain(explanation, 1000))
        words = narrow(Text(explanation, "source", wraps=True))
        words.setContentsMargins(self._theme.px(INDENT), 0, 0, self._theme.px(10))
        self._group.addButton(button)
        self.buttons[key] = button
        self._column.addWidget(button)
        self._column.addWidget(words)

    def empty(self) -> None:
        for button in self.buttons.values():
            self._group.removeButton(button)
        self.buttons.clear()
        clear(self._column)

    @property
    def chosen(self) -> Key | None:
        return next((key for key, button in self.buttons.items() if button.isChecked()), None)

    def choose(self, key: Key | None) -> None:
        """None, or what is not in the list: nothing is chosen."""
        self._group.setExclusive(False)
        for each, button in self.buttons.items():
            button.setChecked(each == key)
        self._group.setExclusive(True)
