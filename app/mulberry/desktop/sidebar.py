"""The sidebar: which pages there are, where help is, how to leave, and which network this is."""

from html import escape

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from mulberry.desktop.cards import Text, in_reading_order, plain_button
from mulberry.desktop.icons import mark_pixmap, page_icon
from mulberry.desktop.theme import Theme
from mulberry.model.language import tr
from mulberry.model.text import plain

SIDEBAR = 216
NARROW_SIDEBAR = 96  # the icons alone; wider where the language has long words for the buttons
EDGE = 12  # at its sides
PAGE_TITLES = {
    "Home": tr("Home"),
    "Earnings": tr("Earnings"),
    "Jobs": tr("Jobs"),
    "Wallet": tr("Wallet"),
    "Network": tr("Network"),
    "Models": tr("Models"),
    "Hardware": tr("Hardware"),
    "Attestation": tr("Attestation"),
    "Log": tr("Log"),
    "Settings": tr("Settings"),
    "About": tr("About"),
}
PAGES = tuple(PAGE_TITLES)


class Sidebar(QFrame):
    """The mark, the pages that exist, the way to help, the quit menu, and which network this is."""

    page_chosen = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self.setProperty("look", "sidebar")
        self.setFixedWidth(theme.px(SIDEBAR))
        self._mark = QLabel()
        self._mark.setAccessibleName(tr("Mulberry's mark"))
        self._name = Text("Mulberry", "brand")
        self._page_entry = _PageEntry(theme, self)
        self.list = QListWidget()
        self.list.setProperty("look", "pages")
        self.list.setItemDelegate(self._page_entry)
        self.list.setAccessibleName(tr("Pages"))
        self.list.setIconSize(QSize(theme.px(20), theme.px(20)))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for title in PAGE_TITLES.values():
            QListWidgetItem(title, self.list)
        self.list.setCurrentRow(0)
        self.list.currentRowChanged.connect(self.page_chosen)
        self.menu = QMenu(self)
        self.help = plain_button(tr("Get help…"))
        self.help.setToolTip(tr("Shows what whoever helps you needs to know, without keys and names, and saves it."))
        self.first_steps = plain_button(tr("First steps"))
        self.quit = plain_button(tr("Quit…"))
        self.quit.clicked.connect(self._open_menu)
        self.network = Text("", "warn")
        self._lay_out()
        self.show_network(tr("Demo network"), is_demo=True)
        self._draw()
        theme.changed.connect(self._draw)

    def _lay_out(self) -> None:
        brand = QHBoxLayout()
        brand.setSpacing(10)
        brand.addWidget(self._mark)
        brand.addWidget(self._name)
        brand.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(EDGE, 22, EDGE, 20)
        column.setSpacing(16)
        brand.setContentsMargins(12, 0, 0, 4)
        column.addLayout(brand)
        column.addWidget(self.list, 1)
        self._foot = foot = QVBoxLayout()
        foot.setSpacing(8)
        foot.setContentsMargins(10, 0, 0, 0)
        foot.addWidget(self.first_steps, 0, Qt.AlignmentFlag.AlignLeft)
        foot.addWidget(self.help, 0, Qt.AlignmentFlag.AlignLeft)
        foot.addWidget(self.quit, 0, Qt.AlignmentFlag.AlignLeft)
        self.network.setContentsMargins(in_reading_order(self, 10, 0, 0, 0))
        foot.addWidget(self.network)
        column.addLayout(foot)

    def show_narrow(self, is_narrow: bool) -> None:
        """The icons alone, with their names as tool tips."""
        if is_narrow is self._page_entry.is_narrow:
            return
        self._page_entry.is_narrow = is_narrow
        widest_button = max(button.sizeHint().width() for button in (self.help, self.quit))
        narrow = max(self.theme.px(NARROW_SIDEBAR), widest_button + 2 * EDGE + self.theme.colours.hairline)
        self.setFixedWidth(narrow if is_narrow else self.theme.px(SIDEBAR))
        self._name.setHidden(is_narrow)
        self.first_steps.setHidden(is_narrow)
        self._foot.setContentsMargins(0 if is_narrow else 10, 0, 0, 0)
        self.show_network(self.network.accessibleName(), is_demo=self.network.property("look") == "warn")
        for row, title in enumerate(PAGE_TITLES.values()):
            self.list.item(row).setToolTip(title if is_narrow else "")
        self.list.doItemsLayout()

    def show_network(self, title: str, *, is_demo: bool) -> None:
        """In full, or as much of it as there is room for; then all of it is the tool tip, and read aloud."""
        self.network.mark("look", "warn" if is_demo else "source")
        around = self.network.contentsMargins() + self._foot.contentsMargins()
        room = self.maximumWidth() - around.left() - around.right() - 2 * EDGE
        shown = self.network.fontMetrics().elidedText(plain(title), Qt.TextElideMode.ElideRight, room)
        self.network.say(shown)
        self.network.setAccessibleName(plain(title))
        self.network.setToolTip("" if shown == plain(title) else f"<p>{escape(plain(title))}</p>")

    def choose(self, page: int) -> None:
        self.list.setCurrentRow(page)

    def _open_menu(self) -> None:
        self.menu.popup(self.quit.mapToGlobal(QPoint(0, -self.menu.sizeHint().height())))

    def _draw(self) -> None:
        colours, ratio = self.theme.colours, self.devicePixelRatioF()
        self._mark.setPixmap(mark_pixmap(colours.earn, self.theme.px(24), ratio))
        for row, name in enumerate(PAGES):
            icon = page_icon(name.lower(), colours.muted, colours.text, self.theme.px(20), ratio)
            self.list.item(row).setIcon(icon)


class _PageEntry(QStyledItemDelegate):
    """The chosen page's entry has a strip and bolder text, so that colour is not the only cue."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.theme = theme
        self.is_narrow = False

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().paint(painter, option, index)
        if option.state & QStyle.StateFlag.State_Selected:
            row = QRectF(option.rect)
            painter.save()
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(self.theme.colours.accent))
            is_mirrored = option.direction is Qt.LayoutDirection.RightToLeft
            left = row.right() - 3 if is_mirrored else row.left()
            painter.drawRoundedRect(QRectF(left, row.top() + 8, 3, row.height() - 20), 1.5, 1.5)
            painter.restore()

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        super().initStyleOption(option, index)
        if option.state & QStyle.StateFlag.State_Selected:
            option.font = self.theme.font(14, 600)
        if self.is_narrow:
            option.text = ""
