"""What the work runs on: each GPU with its load, memory, power and temperature; or why there is none."""

from datetime import datetime

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from mulberry.desktop import wording
from mulberry.desktop.cards import Bar, Card, Text
from mulberry.desktop.connection import View
from mulberry.desktop.theme import Theme
from mulberry.model.gpu import GpuInfo
from mulberry.model.language import number, tr
from mulberry.model.node import NO_SANDBOX, Status

NOT_GIVEN = tr("not given")  # by the driver, for this card
LOAD, MEMORY, POWER, TEMPERATURE = tr("Load"), tr("Memory"), tr("Power"), tr("Temperature")
MODEL, RUNS_ON, REQUESTS = tr("Model"), tr("Runs on"), tr("Requests now")
HOTTEST_CELSIUS = 100  # the right end of the bar


class GpuCard(Card):
    """One block a GPU, or one block without."""

    def __init__(self, theme: Theme) -> None:
        super().__init__("GPU")
        self._theme = theme
        self.gpus: list[GpuBlock] = []
        self.without = NoGpuBlock()
        self.column.setSpacing(16)
        self.sandbox = Text("", "source", wraps=True)
        self.column.addWidget(self.without)
        self.column.addStretch()
        self.column.addSpacing(8)
        self.column.addWidget(self.sandbox)

    def show_view(self, view: View) -> None:
        status = view.status
        if status is None:
            return
        told = wording.sandbox_line(status)
        self.sandbox.say(told)
        self.sandbox.setVisible(bool(told))
        self.sandbox.mark("look", "warn" if status.own_servers or status.sandbox == NO_SANDBOX else "source")
        self.without.setVisible(not status.gpus.gpus)
        if not status.gpus.gpus:
            self.without.show_status(status)
        while len(self.gpus) > len(status.gpus.gpus):
            self.gpus.pop().deleteLater()
        while len(self.gpus) < len(status.gpus.gpus):
            block = GpuBlock(self._theme)
            self.gpus.append(block)
            self.column.insertWidget(len(self.gpus), block)
        for block, gpu in zip(self.gpus, status.gpus.gpus, strict=True):
            block.show_gpu(gpu, status.gpus.as_of if view.is_stale else None)


class GpuBlock(QWidget):
    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.name = Text("", "card-title", wraps=True)
        self.details = Text("", "source", wraps=True)
        self.problem = Text("", "warn", wraps=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.name)
        column.addWidget(self.details)
        column.addWidget(self.problem)
        column.addSpacing(8)
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(8)
        grid.setColumnMinimumWidth(0, theme.px(94))
        grid.setColumnMinimumWidth(2, theme.px(120))
        grid.setColumnStretch(1, 1)
        self.lines: dict[str, tuple[Bar, Text]] = {}
        for row, (name, role) in enumerate(
            ((LOAD, "accent"), (MEMORY, "accent"), (POWER, "accent"), (TEMPERATURE, "earn"))
        ):
            value = Text("", "value")
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.lines[name] = (Bar(theme, name, role), value)
            grid.addWidget(Text(name, "source"), row, 0)
            grid.addWidget(self.lines[name][0], row, 1, Qt.AlignmentFlag.AlignVCenter)
            grid.addWidget(value, row, 2)
        column.addLayout(grid)

    def show_gpu(self, gpu: GpuInfo, stale_since: datetime | None) -> None:
        """`stale_since` is when the values were read, where nobody reads them any more."""
        details = [wording.gpu_details(gpu)]
        if stale_since is not None:
            details.append(tr("as of {time}", time=wording.clock_time(stale_since)))
        self.name.say(gpu.name)
        self.details.say(" · ".join(details))
        self.problem.say(gpu.condition.told)
        self.problem.setVisible(bool(gpu.condition.told))
        self._line(LOAD, gpu.load_percent, 100, f"{gpu.load_percent} %")
        used, total = gpu.memory_used_bytes, gpu.memory_total_bytes
        self._line(
            MEMORY,
            used,
            total,
            tr(
                "{used} of {total} GB",
                used=number(f"{(used or 0) / wording.GIBIBYTE:.1f}"),
                total=number(f"{total / wording.GIBIBYTE:,.0f}"),
            ),
        )
        power, limit = gpu.power_milliwatt, gpu.power_limit_milliwatt
        self._line(POWER, power, limit, wording.watts_text(power or 0, limit))
        self._line(TEMPERATURE, gpu.temperature_celsius, HOTTEST_CELSIUS, f"{gpu.temperature_celsius} °C")

    def _line(self, name: str, value: float | None, most: float | None, words: str) -> None:
        bar, text = self.lines[name]
        said = NOT_GIVEN if value is None else words
        text.say(said)
        bar.show_share(value / most if value is not None and most else None, said)


class NoGpuBlock(QWidget):
    """Says plainly that no GPU works here, why, and what does instead."""

    def __init__(self) -> None:
        super().__init__()
        self.name = Text(tr("Looking for GPUs…"), "card-title", wraps=True)
        self.because = Text("", "source", wraps=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.name)
        column.addWidget(self.because)
        column.addSpacing(12)
        grid = QGridLayout()
        grid.setHorizontalSpacing(20)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        self.facts = {name: Text("–", "value", wraps=True) for name in (MODEL, RUNS_ON, REQUESTS)}
        for row, (name, value) in enumerate(self.facts.items()):
            grid.addWidget(Text(name, "source"), row, 0)
            grid.addWidget(value, row, 1)
        column.addLayout(grid)

    def show_status(self, status: Status) -> None:
        self.name.say(wording.no_gpu_title(status))
        self.because.say(wording.why_no_gpu(status.gpus))
        self.facts[MODEL].say(status.model)
        self.facts[RUNS_ON].say(status.runs_on)
        self.facts[REQUESTS].say(number(f"{status.running_requests:,}"))
