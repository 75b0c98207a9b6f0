"""The Models page's pieces: one model, what is under way, how to bring one in, and how much room they take."""

from html import escape

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from mulberry.desktop import models_wording
from mulberry.desktop.cards import Bar, Card, Row, Text, narrow, plain_button
from mulberry.desktop.facts import Facts
from mulberry.desktop.theme import Theme
from mulberry.model.language import tr
from mulberry.model.models import ModelOrder, ModelsStatus, ModelVerb, ModelWork, StoredModel, StoreStatus, WorkState

FACT_WIDTH = 190
LONGEST_ADDRESS = 2_000


class ModelCard(Card):
    """One model, its facts, and what can be done with it."""

    asked = Signal(object)  # ModelOrder
    removal_asked = Signal(object)  # StoredModel

    def __init__(self, theme: Theme) -> None:
        super().__init__(tr("Model"))
        self._model: StoredModel | None = None
        self.title = narrow(Text("", "card-title", wraps=True))
        self.bundled = Text(models_wording.BUNDLED, "warn")
        self.state = narrow(Text("", "source", wraps=True))
        self.facts = Facts(theme, FACT_WIDTH)
        self.inspect = plain_button(tr("Inspect again"))
        self.inspect.clicked.connect(self._ask_to_inspect)
        self.remove = plain_button(tr("Remove…"))
        self.remove.clicked.connect(lambda: self.removal_asked.emit(self._model))
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.title, 1)
        for widget in (self.bundled, self.inspect, self.remove):
            head.addWidget(widget)
        self.column.addLayout(head)
        self.column.addWidget(self.state)
        self.column.addSpacing(6)
        self.column.addWidget(self.facts)

    def show_model(self, model: StoredModel, *, is_stale: bool, is_busy: bool) -> None:
        """`is_busy`: something long is under way, and nothing else long can begin."""
        self._model = model
        title = models_wording.title(model)
        words, look = models_wording.state_line(model)
        self.setAccessibleName(tr("Model {title}", title=title))
        self.title.say(title)
        self.state.say(words)
        self.state.mark("look", look)
        self.facts.show_facts(models_wording.facts(model))
        self.bundled.setVisible(model.is_bundled)
        for button in (self.inspect, self.remove):
            button.setVisible(not model.is_bundled)
            button.setAccessibleName(f"{button.text()} {title}")
        self.inspect.setEnabled(not is_stale and not is_busy)
        self.remove.setEnabled(not is_stale and not model.in_use)
        self.remove.setToolTip(models_wording.STOP_FIRST if model.in_use else "")

    def _ask_to_inspect(self) -> None:
        if self._model is not None:
            self.asked.emit(ModelOrder(ModelVerb.INSPECT, self._model.entry))


class WorkCard(Card):
    """What is under way, how far it is, and how it ended; then until its owner closes it."""

    asked = Signal(object)  # ModelOrder

    def __init__(self, theme: Theme) -> None:
        super().__init__(tr("Under way"))
        self._work: ModelWork | None = None
        self._closed: ModelWork | None = None
        self.title = narrow(Text("", "strong", wraps=True))
        self.bar = Bar(theme, tr("How far it is"))
        self.line = narrow(Text("", "source", wraps=True))
        self.cancel = plain_button(tr("Cancel"))
        self.cancel.clicked.connect(lambda: self.asked.emit(ModelOrder(ModelVerb.CANCEL)))
        self.again = plain_button(tr("Go on"))
        self.again.clicked.connect(self._ask_again)
        self.close_button = plain_button(tr("Close"))
        self.close_button.clicked.connect(self._close)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        for button in (self.cancel, self.again, self.close_button):
            head.addWidget(button)
        self.column.setSpacing(6)
        self.column.addLayout(head)
        self.column.addWidget(self.bar)
        self.column.addWidget(self.line)
        self.hide()

    def show_status(self, status: ModelsStatus, *, is_stale: bool) -> None:
        work = self._work = status.work
        self.setVisible(work is not None and work != self._closed)
        if work is None:
            return
        is_running = work.state is WorkState.RUNNING
        self.title.say(models_wording.work_title(work, status))
        self.title.mark("look", "bad" if work.state is WorkState.REFUSED else "strong")
        self.line.say(models_wording.work_line(work))
        self.line.setVisible(bool(models_wording.work_line(work)))
        self.bar.setVisible(is_running)
        self.bar.show_share(models_wording.share_done(work), models_wording.work_line(work))
        self.again.setText(models_wording.again_button(work))
        self.again.setVisible(bool(self.again.text()))
        self.cancel.setVisible(is_running)
        self.close_button.setVisible(not is_running)
        for button in (self.cancel, self.again):
            button.setEnabled(not is_stale)

    def _ask_again(self) -> None:
        if self._work is not None:
            self.asked.emit(ModelOrder(self._work.verb, self._work.about))

    def _close(self) -> None:
        self._closed = self._work
        self.hide()


class ImportCard(Card):
    """From a folder or from an address."""

    asked = Signal(object)  # ModelOrder
    folder_wanted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__(tr("Import a model"))
        self._is_ready = True
        self.address = QLineEdit()
        self.address.setPlaceholderText("https://…")
        self.address.setAccessibleName(tr("Address of a model to import"))
        self.address.setMaxLength(LONGEST_ADDRESS)
        self.address.setMinimumWidth(theme.px(160))
        self.fetch = plain_button(tr("Import"))
        self.fetch.setAccessibleName(tr("Import from this address"))
        self.folder = plain_button(tr("From a folder…"))
        self.address.textChanged.connect(self._judge)
        self.address.returnPressed.connect(self._ask)
        self.fetch.clicked.connect(self._ask)
        self.folder.clicked.connect(self.folder_wanted)
        head = QHBoxLayout()
        head.addWidget(Text(tr("Import a model"), "label"))
        head.addStretch()
        head.addWidget(self.folder)
        line = QHBoxLayout()
        line.addWidget(self.address, 1)
        line.addWidget(self.fetch)
        self.column.addLayout(head)
        self.column.addWidget(Text(models_wording.IMPORT, "source", wraps=True))
        self.column.addSpacing(6)
        self.column.addLayout(line)
        self.column.addStretch()
        self._judge()

    def show_readiness(self, *, is_ready: bool) -> None:
        """Not `is_ready`: the agent is silent, or something long is under way."""
        self._is_ready = is_ready
        self._judge()

    def _judge(self) -> None:
        self.folder.setEnabled(self._is_ready)
        self.fetch.setEnabled(self._is_ready and bool(self.address.text().strip()))

    def _ask(self) -> None:
        if self.fetch.isEnabled():
            self.asked.emit(ModelOrder(ModelVerb.IMPORT, self.address.text().strip()))
            self.address.clear()


class RoomCard(Card):
    """How much room models take, how much they may, and where they lie."""

    asked = Signal(object)  # ModelOrder
    limit_wanted = Signal()
    move_wanted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__(tr("Room on the disk"))
        self.bar = Bar(theme, tr("Used"))
        self.facts = Facts(theme, 120)
        self.line = narrow(Text("", "source", wraps=True))
        self.limit = plain_button(tr("Change limit…"))
        self.limit.clicked.connect(self.limit_wanted)
        self.move_button = plain_button(tr("Move…"))
        self.move_button.setAccessibleName(tr("Move all models to another disk"))
        self.move_button.clicked.connect(self.move_wanted)
        self.collect = plain_button(tr("Clean up"))
        self.collect.setToolTip(tr("Removes unfinished imports and older versions that nobody uses."))
        self.collect.clicked.connect(lambda: self.asked.emit(ModelOrder(ModelVerb.COLLECT)))
        self.column.addWidget(Row((Text(tr("Room on the disk"), "label"), 1), (self._buttons(), 0)))
        self.column.addWidget(self.bar)
        self.column.addSpacing(6)
        self.column.addWidget(self.facts)
        self.column.addWidget(self.line)
        self.column.addStretch()

    def _buttons(self) -> QWidget:
        group = QWidget()
        row = QHBoxLayout(group)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for button in (self.limit, self.move_button, self.collect):
            row.addWidget(button)
        row.addStretch()
        return group

    def show_store(self, store: StoreStatus, *, is_ready: bool, is_stale: bool) -> None:
        facts = models_wording.room_facts(store)
        self.bar.show_share(models_wording.share_used(store), tr("{size} used", size=facts[0].value))
        self.facts.show_facts(facts)
        self.line.say(models_wording.room_line(store))
        self.line.setToolTip(f"<p>{escape(str(store.place))}</p>")
        self.limit.setEnabled(not is_stale)
        for button in (self.move_button, self.collect):
            button.setEnabled(is_ready)
