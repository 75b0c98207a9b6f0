"""The Hardware page: whether this computer can earn, and what its GPUs do now. Two parts; one is shown."""

from enum import Enum, auto

from PySide6.QtCore import Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QWidget

from mulberry.desktop import hardware_wording
from mulberry.desktop.cards import Page, Row, Text, choice_button, narrow
from mulberry.desktop.connection import View
from mulberry.desktop.eligibility_section import EligibilitySection
from mulberry.desktop.hardware_gpus import GpusSection
from mulberry.desktop.hardware_history import Histories
from mulberry.desktop.theme import Theme
from mulberry.model.clock import Clock
from mulberry.model.language import tr


class Part(Enum):
    """The parts."""

    ELIGIBILITY = auto()
    GPUS = auto()


PART_TITLES = {Part.ELIGIBILITY: tr("Can it earn?"), Part.GPUS: tr("GPUs and computer")}


class HardwarePage(Page):
    computer_wanted = Signal()  # what its system and firmware say
    eligibility_wanted = Signal(bool)  # True: also what the networks ask for, anew

    def __init__(self, theme: Theme, clock: Clock, histories: Histories) -> None:
        """`histories` of the GPUs are kept by the window, which hears of them before this page is looked at."""
        super().__init__()
        self._view = View()
        self._part: Part | None = None
        self.line = narrow(Text(hardware_wording.NOT_HEARD_YET, "source", wraps=True))
        self.parts = {part: choice_button(PART_TITLES[part]) for part in Part}
        self.eligibility = EligibilitySection(theme)
        self.gpus = GpusSection(theme, clock, histories)
        self._sections: dict[Part, EligibilitySection | GpusSection] = {
            Part.ELIGIBILITY: self.eligibility,
            Part.GPUS: self.gpus,
        }
        self.eligibility.wanted.connect(self.eligibility_wanted)
        self.gpus.wanted.connect(self.computer_wanted)
        group = QButtonGroup(self)
        head = QHBoxLayout()
        head.setContentsMargins(2, 0, 0, 0)  # some letters reach to the left of their place
        head.addWidget(Text(tr("Hardware"), "page-title"))
        head.addSpacing(12)
        head.addWidget(self.line, 1)
        choices = QWidget()
        row = QHBoxLayout(choices)
        row.setContentsMargins(0, 0, 0, 0)
        for part, button in self.parts.items():
            group.addButton(button)
            row.addWidget(button)
            button.clicked.connect(lambda _, part=part: self.show_part(part))
        row.addStretch()
        self.column.addLayout(head)
        self.column.addWidget(Row((choices, 1), (self.eligibility.controls, 1), (self.gpus.controls, 1)))
        for section in self._sections.values():
            self.column.addWidget(section)
        self.column.addStretch(1)
        self.verticalScrollBar().valueChanged.connect(self.gpus.show_in_sight)
        for section in self._sections.values():
            section.hide()

    def show_part(self, part: Part) -> None:
        self._part = part
        self.parts[part].setChecked(True)
        for one, section in self._sections.items():
            section.controls.setVisible(one is part)
            section.setVisible(one is part)  # knows whether there is anything to control
        self.verticalScrollBar().setValue(0)

    def show_view(self, view: View) -> None:
        """A link that has come back, or a driver that works again, is worth another look at everything."""
        before, self._view = self._view, view
        self.gpus.show_view(view)
        if not self.isVisible():
            return
        self._show()
        if not view.is_stale and _is_news(before, view):
            self._ask()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._part is None:
            self.show_part(Part.GPUS)
        self._show()

    def _ask(self) -> None:
        """For what the part that is seen shows."""
        if self._part is Part.ELIGIBILITY:
            self.eligibility_wanted.emit(False)
        else:
            self.computer_wanted.emit()

    def _show(self) -> None:
        if self._view.status is not None:
            self.line.say(hardware_wording.head_line(self._view.status.gpus, is_stale=self._view.is_stale))


def _is_news(before: View, now: View) -> bool:
    if before.is_stale or before.status is None or now.status is None:
        return True
    return before.status.gpus.driver is not now.status.gpus.driver
