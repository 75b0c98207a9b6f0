"""The GPU runtime on the Hardware page: how it stands, what an installation takes, and how far one is."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout

from mulberry.desktop import gpu_setup_wording as wording
from mulberry.desktop.cards import Bar, Card, Text, narrow, plain_button
from mulberry.desktop.theme import Theme
from mulberry.model.gpu_runtime import GpuSetupStatus, SetupOrder, SetupVerb
from mulberry.model.language import tr
from mulberry.model.models import WorkState


class GpuSetupCard(Card):
    """Pressing Install is the owner's word: everything that it takes stands above the button."""

    asked = Signal(object)  # SetupOrder

    def __init__(self, theme: Theme) -> None:
        super().__init__(wording.TITLE)
        self.status: GpuSetupStatus | None = None
        self.state = narrow(Text("", "value", wraps=True))
        self.offer = narrow(Text("", "source", wraps=True))
        self.bar = Bar(theme, tr("How far it is"))
        self.work = narrow(Text("", "source", wraps=True))
        self.install = plain_button(tr("Install"))
        self.back = plain_button(tr("Back to the one before"))
        self.cancel = plain_button(tr("Cancel"))
        self.back.setToolTip(tr("For engines that start from now on. Nothing is removed."))
        self.install.clicked.connect(self._ask_to_install)
        self.back.clicked.connect(lambda: self.asked.emit(SetupOrder(SetupVerb.ROLL_BACK)))
        self.cancel.clicked.connect(lambda: self.asked.emit(SetupOrder(SetupVerb.CANCEL)))
        head = QHBoxLayout()
        head.addWidget(narrow(Text(wording.TITLE, "card-title", wraps=True)), 1)
        for button in (self.cancel, self.back, self.install):
            head.addWidget(button)
        self.column.setSpacing(6)
        self.column.addLayout(head)
        for widget in (self.state, self.bar, self.work, self.offer):
            self.column.addWidget(widget)
        self.hide()

    def show_status(self, status: GpuSetupStatus) -> None:
        self.status = status
        work = status.work
        is_running = work is not None and work.state is WorkState.RUNNING
        words, look = wording.state_line(status)
        self.state.say(words)
        self.state.mark("look", look)
        self.offer.say("\n".join(wording.offer_lines(status)))
        self.offer.setVisible(bool(self.offer.text()) and not is_running)
        self.work.setVisible(work is not None)
        self.bar.setVisible(is_running)
        if work is not None:
            self.work.say(wording.work_line(work))
            self.work.mark("look", "bad" if work.state is WorkState.REFUSED else "source")
            self.bar.show_share(wording.share_done(work), wording.work_line(work))
        for button, text in ((self.install, wording.install_button(status)), (self.back, wording.back_button(status))):
            button.setText(text)
            button.setVisible(bool(text))
        self.cancel.setVisible(is_running)
        self.setVisible(wording.is_worth_showing(status))

    def show_readiness(self, *, is_stale: bool) -> None:
        for button in (self.install, self.back, self.cancel):
            button.setEnabled(not is_stale)

    def _ask_to_install(self) -> None:
        if self.status is not None:
            metered = bool(self.status.metered.value)  # which the button says
            self.asked.emit(SetupOrder(SetupVerb.INSTALL, even_if_metered=metered))
