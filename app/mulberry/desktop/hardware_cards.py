"""The Hardware page's pieces: a GPU with its graphs, what only the PCI bus knows, and the computer around them.

A card that is not opened is two lines and no graphs, so that a rack of GPUs costs little more than one.
"""

from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from mulberry.desktop import hardware_host_wording, hardware_wording, wording
from mulberry.desktop.cards import Card, Text, narrow, plain_button
from mulberry.desktop.facts import Facts
from mulberry.desktop.hardware_graph import Graph, Timeline
from mulberry.desktop.hardware_history import Histories, Quantity
from mulberry.desktop.power_cap_line import PowerCapLine
from mulberry.desktop.theme import Theme
from mulberry.model.clock import Clock
from mulberry.model.gpu import GpuInfo, GpuReport
from mulberry.model.host import ConfidentialReport, Finding, HostReport
from mulberry.model.language import tr

FACT_WIDTH = 190
MORE, LESS = tr("Show more"), tr("Show less")


class GpuDetails(QWidget):
    """The graphs, two by two; under them everything else that the driver tells."""

    def __init__(self, theme: Theme, timeline: Timeline) -> None:
        super().__init__()
        self.graphs = {quantity: Graph(theme, timeline, quantity) for quantity in Quantity}
        self.facts = Facts(theme, FACT_WIDTH)
        self.processes = Text("", "value", wraps=True)
        grid = QGridLayout()
        grid.setHorizontalSpacing(20)
        grid.setVerticalSpacing(12)
        for place, graph in enumerate(self.graphs.values()):
            grid.addWidget(graph, place // 2, place % 2)
            grid.setColumnStretch(place % 2, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 6, 0, 0)
        column.setSpacing(4)
        column.addLayout(grid)
        column.addSpacing(10)
        column.addWidget(self.facts)
        column.addWidget(Text(tr("Used by"), "source"))
        column.addWidget(self.processes)


class GpuHardwareCard(Card):
    """One GPU: always its name, its condition and its numbers; the rest where it is opened."""

    def __init__(self, theme: Theme, clock: Clock, timeline: Timeline, histories: Histories) -> None:
        super().__init__("GPU")
        self._theme = theme
        self._timeline = timeline
        self._histories = histories
        self._gpu: GpuInfo | None = None
        self._capable: Finding[bool] | None = None
        self.details: GpuDetails | None = None
        self.name = narrow(Text("", "card-title", wraps=True))
        self.condition = narrow(Text("", "source", wraps=True))
        self.numbers = narrow(Text("", "value", wraps=True))
        self.more = plain_button(MORE)
        self.more.setCheckable(True)
        self.more.toggled.connect(self._open)
        self.power_cap = PowerCapLine(clock)
        head = QHBoxLayout()
        head.addWidget(self.name, 1)
        head.addWidget(self.more)
        self.column.addLayout(head)
        self.column.addWidget(self.condition)
        self.column.addWidget(self.power_cap)
        self.column.addWidget(self.numbers)

    def show_gpu(self, gpu: GpuInfo, capable: Finding[bool] | None) -> None:
        """`capable`: of computing confidentially; None: nobody has told yet."""
        self._gpu, self._capable = gpu, capable
        name = hardware_wording.name(gpu)
        words, look = hardware_wording.condition_line(gpu)
        self.setAccessibleName(tr("GPU {name} at {address}", name=name, address=gpu.pci_address))
        self.name.say(name)
        self.condition.say(words)
        self.condition.mark("look", look)
        self.numbers.say(hardware_wording.numbers_line(gpu))
        self.more.setAccessibleName(hardware_wording.more_button(gpu, is_open=self.more.isChecked()))
        self._show_details()

    def is_in_sight(self) -> bool:
        return not self.visibleRegion().isEmpty()

    def follow(self) -> None:
        """The timeline has changed."""
        if self.details is not None and self.more.isChecked():
            for graph in self.details.graphs.values():
                graph.follow()

    def _open(self, is_open: bool) -> None:
        self.more.setText(LESS if is_open else MORE)
        if is_open and self.details is None:
            self.details = GpuDetails(self._theme, self._timeline)
            self.column.addWidget(self.details)
        if self.details is not None:
            self.details.setVisible(is_open)
        self.numbers.setVisible(not is_open)
        if self._gpu is not None:
            self.show_gpu(self._gpu, self._capable)

    def _show_details(self) -> None:
        gpu = self._gpu
        if gpu is None or self.details is None or not self.more.isChecked():
            return
        readings = self._histories.readings(gpu.uuid, self._timeline.stretch, self._timeline.end)
        for graph in self.details.graphs.values():
            graph.show_readings(gpu, readings)
        self.details.facts.show_facts((hardware_host_wording.capability(self._capable), *hardware_wording.facts(gpu)))
        self.details.processes.say("\n".join(hardware_wording.processes(gpu)))


class ElsewhereCard(Card):
    """GPUs that the driver cannot read or does not know, each with why."""

    def __init__(self) -> None:
        super().__init__(hardware_wording.NOT_IN_USE)
        self._shown: tuple[tuple[str, str], ...] = ()
        self._lines: list[QWidget] = []
        self.column.addWidget(Text(hardware_wording.NOT_IN_USE, "label"))

    def show_report(self, report: GpuReport) -> None:
        shown = hardware_wording.elsewhere(report)
        self.setVisible(bool(shown))
        if shown == self._shown:
            return
        self._shown = shown
        for line in self._lines:
            line.hide()
            line.deleteLater()
        self._lines = [
            text for name, why in shown for text in (Text(name, "strong", wraps=True), Text(why, "source", wraps=True))
        ]
        for line in self._lines:
            self.column.addWidget(line)


class NoGpuCard(Card):
    """Why no GPU works, and how long one may still come."""

    def __init__(self) -> None:
        super().__init__(tr("No GPU"))
        self.title = Text("", "card-title", wraps=True)
        self.because = Text("", "value", wraps=True)
        self.column.addWidget(self.title)
        self.column.addWidget(self.because)

    def show_report(self, report: GpuReport) -> None:
        self.setVisible(not report.gpus)
        self.title.say(hardware_wording.no_gpu_title(report))
        self.because.say(wording.why_no_gpu(report))


class ComputerCard(Card):
    """What its system and its firmware say, each value with where it was read. None of it is proven."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(tr("This computer"))
        self.facts = Facts(theme, FACT_WIDTH)
        self.column.addWidget(Text(tr("This computer"), "label"))
        self.column.addWidget(Text(hardware_host_wording.NOT_PROVEN, "source", wraps=True))
        self.column.addSpacing(6)
        self.column.addWidget(self.facts)
        self.hide()

    def show_computer(self, host: HostReport, confidential: ConfidentialReport) -> None:
        self.show()
        self.facts.show_facts(hardware_host_wording.facts(host, confidential))
