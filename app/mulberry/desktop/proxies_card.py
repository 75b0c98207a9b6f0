"""The table of proxies: as many columns as there is room for, a shape beside each state, and a line on each cell."""

from datetime import datetime

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QFontMetrics, QIcon, QPainter, QPalette, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QStyledItemDelegate, QStyleOptionViewItem

from mulberry.desktop.cards import Card, Text
from mulberry.desktop.connection import View
from mulberry.desktop.icons import proxy_pixmap
from mulberry.desktop.network_wording import NOTHING_PROVEN
from mulberry.desktop.proxies_model import QUALITIES, ProxiesModel
from mulberry.desktop.proxies_wording import STATES, Quality, heading, in_minutes, nobody_line, summary, tone
from mulberry.desktop.table import CELL_PADDING, Table
from mulberry.desktop.theme import Theme
from mulberry.model.language import tr
from mulberry.model.node import ProxyState, ProxyStatus

ROWS_IN_SIGHT = 8
SHAPE_PIXELS = 16
HOW_TO_ASK = tr("Point at a value, or go to it with the arrow keys, to read what it is, from where and as of when.")
LONGEST_USUAL = {
    Quality.STATE: f"● {max(STATES[ProxyState.PUT_ASIDE], STATES[ProxyState.WAITING], key=len)}, {in_minutes(10)}",
    Quality.PROXY: "demo proxy 10",
    Quality.PROOF: NOTHING_PROVEN,
    Quality.REQUESTS: "100,000",
    Quality.SUCCESS: "99.9 %",
    Quality.OWED: "0.123456789",
    Quality.PAYABLE: "0.123456789",
    Quality.PAID: "0.123456789",
    Quality.UNDERPAID: "0.123456789",
}
GOES_FIRST = (Quality.UNDERPAID, Quality.PAID, Quality.OWED, Quality.SUCCESS, Quality.REQUESTS, Quality.PROOF)


class _Cell(QStyledItemDelegate):
    """A state has a shape and a word besides its colour; the cell that the keyboard is at has a frame."""

    def __init__(self, theme: Theme, model: ProxiesModel, parent: QAbstractItemView) -> None:
        super().__init__(parent)
        self._theme = theme
        self._model = model
        self._table = parent

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        super().initStyleOption(option, index)
        proxy = self._model.proxy(index.row())
        if proxy is None:
            return
        quality = QUALITIES[index.column()]
        colour = getattr(self._theme.colours, tone(proxy, quality) or "text")
        palette: QPalette = option.palette
        for role in (QPalette.ColorRole.Text, QPalette.ColorRole.HighlightedText):
            palette.setColor(role, QColor(colour))
        if quality is Quality.STATE:
            size = self._theme.px(SHAPE_PIXELS)
            option.features |= QStyleOptionViewItem.ViewItemFeature.HasDecoration
            option.decorationSize = QSize(size, size)
            shape = proxy_pixmap(proxy.state, colour, size, self._table.devicePixelRatioF())
            option.icon = QIcon(shape)
            option.icon.addPixmap(shape, QIcon.Mode.Selected)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().paint(painter, option, index)
        if self._table.hasFocus() and index == self._table.currentIndex():
            painter.save()
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(QColor(self._theme.colours.accent), self._theme.colours.ring))
            painter.drawRoundedRect(QRectF(option.rect).adjusted(-2, 2, -4, -1), 4, 4)
            painter.restore()


class ProxiesTable(Table):
    """Where the window is narrow, columns go; the card below has them all."""

    focused = Signal()  # or not any longer

    def __init__(self, theme: Theme, model: ProxiesModel) -> None:
        usual: dict[int, str] = {column: LONGEST_USUAL[quality] for column, quality in enumerate(QUALITIES)}
        super().__init__(theme, model, usual, model.text)
        self._theme_of_columns = theme
        self.setProperty("look", "jobs")
        self.setItemDelegate(_Cell(theme, model, self))
        self.setAccessibleName(tr("Proxies, those that work first"))
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._choose_columns()
        super().resizeEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.focused.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.focused.emit()

    def show_rows(self, rows: int) -> None:
        """As high as its rows, up to a number that leaves room for the rest of the page."""
        shown = min(max(rows, 1), ROWS_IN_SIGHT)
        self.setFixedHeight(self.horizontalHeader().height() + shown * self.row_height + 2 * self.frameWidth() + 4)

    def _choose_columns(self) -> None:
        metrics = QFontMetrics(self._theme_of_columns.font(13))
        widths = {
            quality: max(map(metrics.horizontalAdvance, (text, heading(quality)))) + CELL_PADDING
            for quality, text in LONGEST_USUAL.items()
        }
        room = self.viewport().width()
        for quality in GOES_FIRST:
            is_too_wide = sum(widths.values()) > room
            self.setColumnHidden(QUALITIES.index(quality), is_too_wide)
            if is_too_wide:
                del widths[quality]


class ProxiesCard(Card):
    chosen = Signal(object)  # ProxyStatus, or None

    def __init__(self, theme: Theme) -> None:
        super().__init__(tr("Proxies"))
        self.model = ProxiesModel(self)
        self.table = ProxiesTable(theme, self.model)
        self.counts = Text("", "source", wraps=True)
        self.counts.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.empty = Text("", "source", wraps=True)
        self.empty.setContentsMargins(6, 0, 6, 4)
        self.about = Text("", "source", wraps=True)
        self.about.setMinimumHeight(theme.px(36))  # two lines, so that nothing moves when they come
        self.about.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.about.setContentsMargins(6, 0, 6, 0)
        self.about.setMinimumWidth(1)  # what strangers wrote never makes the page wider
        head = QHBoxLayout()
        head.setContentsMargins(6, 0, 6, 0)
        head.addWidget(Text(tr("Proxies"), "label"))
        head.addWidget(self.counts, 1)
        self.column.setContentsMargins(14, 12, 8, 8)
        self.column.addLayout(head)
        self.column.addWidget(self.empty)
        self.column.addWidget(self.table)
        self.column.addWidget(self.about)
        self._chosen: ProxyStatus | None = None
        self.table.selectionModel().currentChanged.connect(lambda: self._choose())
        self.table.focused.connect(self._explain)

    def show_view(self, view: View, now: datetime | None) -> None:
        """`now` None: the agent is silent, and attempts are not counted down to."""
        status = view.status
        proxies = status.proxies if status is not None else ()
        self.empty.setVisible(not proxies)
        self.table.setVisible(bool(proxies))
        self.about.setVisible(bool(proxies))
        self.counts.say(summary(status, is_stale=view.is_stale) if status is not None else "")
        self.empty.say(nobody_line(status))
        if status is not None:
            self.model.show(proxies, now, status.as_of)
        self.table.show_rows(len(proxies))
        self._keep_the_choice()

    def _keep_the_choice(self) -> None:
        """The same proxy, wherever it is now; the first one where it is gone."""
        current = self.table.currentIndex()
        row = self.model.row_of(self._chosen) if self._chosen is not None else None
        if self.model.rowCount() and (not current.isValid() or current.row() != row):
            self.table.setCurrentIndex(self.model.index(row or 0, max(current.column(), 0)))
        self._choose()

    def _choose(self) -> None:
        self._chosen = self.model.proxy(self.table.currentIndex().row())
        self.chosen.emit(self._chosen)
        self._explain()

    def _explain(self) -> None:
        """What the cell says that the keyboard is at; the same as its tool tip."""
        current = self.table.currentIndex()
        if self._chosen is None:
            self.about.say("")
        elif self.table.hasFocus():
            over = heading(QUALITIES[current.column()])
            told = self.model.text(current.row(), current.column())
            self.about.say(f"{over}: {told}. {self.model.tool_tip(current.row(), current.column())}")
        else:
            self.about.say(HOW_TO_ASK)
