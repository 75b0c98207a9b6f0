"""Asks how the GPU runtime stands while somebody looks at the GPUs: often while one is installed."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from mulberry.desktop.cards import can_be_seen
from mulberry.desktop.connection import Connection, View
from mulberry.model.errors import UserFacingError
from mulberry.model.gpu_runtime import GpuSetupStatus, SetupOrder
from mulberry.model.models import WorkState

if TYPE_CHECKING:  # the page is made when it is first looked at
    from mulberry.desktop.hardware_page import HardwarePage

WORKING_MILLISECONDS, IDLE_MILLISECONDS = 1_000, 30_000


class GpuSetupFeed(QObject):
    def __init__(self, connection: Connection, page: "HardwarePage") -> None:
        super().__init__(page)
        self._connection = connection
        self._page = page
        self._card = page.gpus.runtime
        self._is_stale = True
        self.looking = QTimer(self, interval=IDLE_MILLISECONDS, singleShot=True)
        self.looking.timeout.connect(self.look)
        self._card.asked.connect(self.order)
        page.gpus.wanted.connect(self.look)
        connection.viewed.connect(self._viewed)
        self._viewed(connection.view)

    def look(self) -> None:
        """And again after a while; not while nobody sees it."""
        if can_be_seen(self._page.gpus) and not self._is_stale:
            self.looking.start()
            self._connection.ask(lambda agent: agent.gpu_setup(), self._show, _nothing)

    def order(self, order: SetupOrder) -> None:
        self._connection.ask(lambda agent: agent.order_gpu_setup(order), self._show, self._connection.failed.emit)

    def _show(self, status: GpuSetupStatus) -> None:
        is_working = status.work is not None and status.work.state is WorkState.RUNNING
        self.looking.setInterval(WORKING_MILLISECONDS if is_working else IDLE_MILLISECONDS)
        self._card.show_status(status)

    def _viewed(self, view: View) -> None:
        was_stale, self._is_stale = self._is_stale, view.is_stale
        self._card.show_readiness(is_stale=view.is_stale)
        if was_stale and not view.is_stale:
            self.look()


def _nothing(problem: UserFacingError) -> None:
    """The card stays as it is; the window says that the agent is silent."""
