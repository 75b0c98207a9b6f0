"""The Hardware page's part about the hardware: graphs of one timeline, a card for each GPU, and the computer."""

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QVBoxLayout, QWidget

from mulberry.desktop.cards import GAP, Text, choice_button
from mulberry.desktop.connection import View
from mulberry.desktop.gpu_setup_card import GpuSetupCard
from mulberry.desktop.hardware_cards import ComputerCard, ElsewhereCard, GpuHardwareCard, NoGpuCard
from mulberry.desktop.hardware_graph import Timeline
from mulberry.desktop.hardware_history import Histories, Stretch
from mulberry.desktop.theme import Theme
from mulberry.desktop.wording import clock_time
from mulberry.model.clock import Clock
from mulberry.model.gpu import GpuInfo, GpuReport, same_address
from mulberry.model.host import ConfidentialReport, Finding, HostReport
from mulberry.model.language import tr

SECOND_MILLISECONDS = 1000
OPEN_AT_MOST = 2  # with more GPUs than this, each is opened by its owner


class GpusSection(QWidget):
    """Works once a second while it is seen, and then for the cards in sight only."""

    wanted = Signal()  # what its system and firmware say

    def __init__(self, theme: Theme, clock: Clock, histories: Histories) -> None:
        super().__init__()
        self._theme = theme
        self._clock = clock
        self._view = View()
        self._confidential: ConfidentialReport | None = None
        self.histories = histories
        self.timeline = Timeline(clock.now(), self)
        self.stretches = {stretch: choice_button(stretch.words) for stretch in Stretch}
        self.gpus: dict[str, GpuHardwareCard] = {}  # by UUID, in the driver's order
        self.no_gpu = NoGpuCard()
        self.elsewhere = ElsewhereCard()
        self.runtime = GpuSetupCard(theme)
        self.computer = ComputerCard(theme)
        self._cards = QVBoxLayout()
        self._cards.setSpacing(GAP)
        self.moment = Text("", "source")
        self.controls = self._stretch_row()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        column.addWidget(self.no_gpu)
        column.addLayout(self._cards)
        column.addWidget(self.runtime)
        column.addWidget(self.elsewhere)
        column.addWidget(self.computer)
        self.ticking = QTimer(self, interval=SECOND_MILLISECONDS)
        self.ticking.timeout.connect(self.tick)
        self.timeline.changed.connect(self._follow)

    def _stretch_row(self) -> QWidget:
        whole, group = QWidget(), QButtonGroup(self)
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch()
        row.addWidget(self.moment)
        row.addWidget(Text(tr("Time in the graphs:"), "source"))
        for stretch, button in self.stretches.items():
            group.addButton(button)
            row.addWidget(button)
            button.setAccessibleName(tr("Time in the graphs: {stretch}", stretch=stretch.words))
            button.clicked.connect(lambda _, stretch=stretch: self._show_stretch(stretch))
        self.stretches[self.timeline.stretch].setChecked(True)
        return whole

    def show_view(self, view: View) -> None:
        """Drawn once a second while somebody looks."""
        self._view = view
        if self.isVisible():
            self._show()

    def show_computer(self, host: HostReport, confidential: ConfidentialReport) -> None:
        self._confidential = confidential
        self.computer.show_computer(host, confidential)
        self.show_in_sight()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._show()
        self.show_in_sight()
        self.ticking.start()
        self.wanted.emit()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.ticking.stop()

    def show_in_sight(self) -> None:
        """The page has scrolled: other cards are seen now."""
        gpus = self._view.status.gpus.gpus if self._view.status is not None else ()
        for gpu in gpus:
            card = self.gpus.get(gpu.uuid)
            if card is not None and card.is_in_sight():
                card.show_gpu(gpu, self._capable(gpu))
                self._show_power_cap(card, gpu)

    def tick(self) -> None:
        """A second has passed: the graphs move on, and the numbers are those heard last."""
        self._move_on()
        self.show_in_sight()

    def _move_on(self) -> None:
        if not self._view.is_stale:
            self.timeline.end_at(self._clock.now())

    def _show_stretch(self, stretch: Stretch) -> None:
        self.timeline.show(stretch)
        self.show_in_sight()

    def _show(self) -> None:
        status = self._view.status
        self.controls.setVisible(status is not None and bool(status.gpus.gpus))
        self.no_gpu.setVisible(status is not None and not status.gpus.gpus)
        if status is None:
            self.elsewhere.hide()
            return
        self._move_on()
        self._arrange(status.gpus)
        self.no_gpu.show_report(status.gpus)
        self.elsewhere.show_report(status.gpus)

    def _arrange(self, report: GpuReport) -> None:
        """A card for each GPU, in the driver's order, which changes; what is opened stays open."""
        wanted = {gpu.uuid: gpu for gpu in report.gpus}
        if list(wanted) == list(self.gpus):
            return
        for uuid in self.gpus.keys() - wanted.keys():
            gone = self.gpus.pop(uuid)
            gone.hide()
            gone.deleteLater()
        self.gpus = {uuid: self.gpus.get(uuid) or self._card(gpu, len(wanted)) for uuid, gpu in wanted.items()}
        for place, card in enumerate(self.gpus.values()):
            self._cards.insertWidget(place, card)

    def _card(self, gpu: GpuInfo, of: int) -> GpuHardwareCard:
        card = GpuHardwareCard(self._theme, self._clock, self.timeline, self.histories)
        card.show_gpu(gpu, self._capable(gpu))
        self._show_power_cap(card, gpu)
        card.more.setChecked(of <= OPEN_AT_MOST)
        return card

    def _show_power_cap(self, card: GpuHardwareCard, gpu: GpuInfo) -> None:
        status = self._view.status
        if status is not None:
            cap = next((cap for cap in status.power_caps if cap.uuid == gpu.uuid), None)
            card.power_cap.show_cap(gpu, cap, status.gpus.as_of)
            card.power_cap.show_readiness(is_stale=self._view.is_stale)

    def _follow(self) -> None:
        crosshair = self.timeline.crosshair
        self.moment.say("" if crosshair is None else tr("At {time}", time=clock_time(crosshair)))
        for card in self.gpus.values():
            if card.is_in_sight():
                card.follow()

    def _capable(self, gpu: GpuInfo) -> Finding[bool] | None:
        """By its place on the bus: what is known of it comes from the driver or from tables."""
        known = self._confidential.gpus if self._confidential is not None else ()
        return next((one.capable for one in known if same_address(one.pci_address, gpu.pci_address)), None)
