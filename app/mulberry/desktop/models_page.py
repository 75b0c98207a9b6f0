"""The Models page: what may serve and what was found in it, how one comes in, and how much room they take."""

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from mulberry.desktop import models_wording
from mulberry.desktop.cards import GAP, Page, Row, Text
from mulberry.desktop.connection import View
from mulberry.desktop.models_cards import ImportCard, ModelCard, RoomCard, WorkCard
from mulberry.desktop.theme import Theme
from mulberry.model.language import tr
from mulberry.model.models import ModelsStatus, WorkState

WORKING_MILLISECONDS = 500  # between two looks while something is under way
IDLE_MILLISECONDS = 3_000


class ModelsPage(Page):
    wanted = Signal()  # what there is, anew
    asked = Signal(object)  # ModelOrder
    removal_asked = Signal(object)  # StoredModel

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._is_stale = True
        self.status: ModelsStatus | None = None
        self.line = Text(models_wording.NOT_HEARD_YET, "source", wraps=True)
        self.problem = Text("", "bad", wraps=True)
        self.empty = Text(models_wording.NOTHING_IMPORTED, "source", wraps=True)
        self.work = WorkCard(theme)
        self.models: list[ModelCard] = []
        self.import_card = ImportCard(theme)
        self.room = RoomCard(theme)
        self._below = Row((self.import_card, 1), (self.room, 1))
        self._list = QVBoxLayout()
        self._list.setSpacing(GAP)
        head = QHBoxLayout()
        head.setContentsMargins(2, 0, 0, 0)  # some letters reach to the left of their place
        head.addWidget(Text(tr("Models"), "page-title"))
        head.addSpacing(12)
        head.addWidget(self.line, 1)
        self.column.addLayout(head)
        for widget in (self.problem, self.work):
            self.column.addWidget(widget)
        self.column.addLayout(self._list)
        self.column.addWidget(self.empty)
        self.column.addWidget(self._below)
        self.column.addStretch()
        for card in (self.work, self.import_card, self.room):
            card.asked.connect(self.asked)
        self.looking = QTimer(self, interval=IDLE_MILLISECONDS)
        self.looking.timeout.connect(self.wanted)
        self._show()

    def show_view(self, view: View) -> None:
        if view.is_stale != self._is_stale:
            self._is_stale = view.is_stale
            self._show()
            if self.isVisible():
                self.wanted.emit()

    def show_models(self, status: ModelsStatus) -> None:
        self.status = status
        is_working = status.work is not None and status.work.state is WorkState.RUNNING
        self.looking.setInterval(WORKING_MILLISECONDS if is_working else IDLE_MILLISECONDS)
        self._show()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.looking.start()
        self.wanted.emit()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.looking.stop()

    def _show(self) -> None:
        status = self.status
        store = status.store if status is not None else None
        self.problem.setVisible(status is not None and bool(status.problem))
        self.empty.setVisible(store is not None and not store.models)
        self.import_card.setVisible(store is not None)
        self.room.setVisible(store is not None)
        self._below.setVisible(store is not None)
        if status is None:
            return
        is_busy = status.work is not None and status.work.state is WorkState.RUNNING
        self.line.say(models_wording.EXPLANATION)
        self.problem.say(status.problem)
        self.work.show_status(status, is_stale=self._is_stale)
        self._show_each(status, is_busy=is_busy)
        is_ready = not self._is_stale and not is_busy
        self.import_card.show_readiness(is_ready=is_ready)
        if store is not None:
            self.room.show_store(store, is_ready=is_ready, is_stale=self._is_stale)

    def _show_each(self, status: ModelsStatus, *, is_busy: bool) -> None:
        models = (*(status.store.models if status.store is not None else ()), *status.bundled)
        while len(self.models) < len(models):
            card = ModelCard(self._theme)
            card.asked.connect(self.asked)
            card.removal_asked.connect(self.removal_asked)
            self._list.addWidget(card)
            self.models.append(card)
        while len(self.models) > len(models):
            gone = self.models.pop()
            gone.hide()
            gone.deleteLater()
        for card, model in zip(self.models, models, strict=True):
            card.show_model(model, is_stale=self._is_stale, is_busy=is_busy)
