"""How everything looks: one palette and one style sheet, made from the colours and the system's font size.

Qt follows the system's light or dark scheme on few desktops, and never changes our palette by itself, so we do both.
"""

from enum import StrEnum
from string import Template

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontInfo, QPalette
from PySide6.QtWidgets import QApplication

from mulberry.desktop.colours import DARK, LIGHT, Colours, blend

USUAL_FONT_PIXELS = 13.0  # what most desktops set; sizes below are for it and grow with a larger one


class Scheme(StrEnum):
    """Which colours to show."""

    FOLLOW = "follow"  # the system's
    LIGHT = "light"
    DARK = "dark"


class Theme(QObject):
    """The colours and sizes in force. Widgets that paint themselves ask it at each paint."""

    changed = Signal()

    def __init__(self, application: QApplication, scheme: Scheme = Scheme.FOLLOW, font_factor: float = 1.0) -> None:
        """`font_factor` enlarges all text beyond the system's size."""
        super().__init__(application)
        self._application = application
        self._scheme = scheme
        self.scale = max(1.0, QFontInfo(application.font()).pixelSize() / USUAL_FONT_PIXELS) * font_factor
        self.colours = self._wanted()
        application.setStyle("Fusion")
        self._apply()
        application.styleHints().colorSchemeChanged.connect(self._follow)

    def choose(self, scheme: Scheme) -> None:
        self._scheme = scheme
        self._follow()

    def px(self, size: float) -> int:
        """`size` in pixels at the usual font size, as pixels at the font size in force."""
        return round(size * self.scale)

    def font(self, size: float, weight: int = 400) -> QFont:
        font = QFont(self._application.font())
        font.setPixelSize(self.px(size))
        font.setWeight(QFont.Weight(weight))
        font.setFeature(QFont.Tag("tnum"), 1)  # digits of one width, so that columns stand still
        return font

    def _wanted(self) -> Colours:
        if self._scheme is not Scheme.FOLLOW:
            return DARK if self._scheme is Scheme.DARK else LIGHT
        return DARK if self._application.styleHints().colorScheme() is Qt.ColorScheme.Dark else LIGHT

    def _follow(self) -> None:
        if (wanted := self._wanted()) != self.colours:
            self.colours = wanted
            self._apply()
            self.changed.emit()

    def _apply(self) -> None:
        self._application.setFont(self.font(14))
        self._application.setPalette(palette(self.colours))
        self._application.setStyleSheet(style_sheet(self.colours, self.scale))


def palette(colours: Colours) -> QPalette:
    """Fusion's colours, for whatever the style sheet does not name."""
    role = QPalette.ColorRole
    made = QPalette()
    for roles, colour in (
        ((role.Window,), colours.canvas),
        ((role.Base, role.Button, role.ToolTipBase), colours.surface),
        ((role.AlternateBase, role.Midlight), colours.raised),
        ((role.Mid, role.Dark, role.Light, role.Shadow), colours.line),
        ((role.WindowText, role.Text, role.ButtonText, role.ToolTipText, role.HighlightedText), colours.text),
        ((role.PlaceholderText,), colours.muted),
        ((role.Highlight,), colours.raised),
        ((role.Accent, role.Link), colours.accent),
        ((role.BrightText,), colours.bad),
    ):
        for one in roles:
            made.setColor(one, QColor(colour))
    for one in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, one, QColor(colours.muted))
    return made


def style_sheet(colours: Colours, scale: float) -> str:
    """The style sheet. A widget picks its look with `setProperty("look", …)`; sizes grow with `scale`."""
    sizes = {f"s{size}": str(round(size * scale)) for size in (1, 4, 6, 8, 10, 12, 13, 14, 15, 16, 17, 18, 24, 26, 48)}
    return Template(_SHEET).substitute(
        sizes,
        canvas=colours.canvas,
        surface=colours.surface,
        raised=colours.raised,
        line=colours.line,
        text=colours.text,
        muted=colours.muted,
        accent=colours.accent,
        earn=colours.earn,
        earn_hover=blend(colours.text, colours.earn, 0.12),
        on_earn=colours.on_earn,
        warn=colours.warn,
        banner=banner(colours),
        bad=colours.bad,
    )


def banner(colours: Colours) -> str:
    """The demo banner's ground."""
    return blend(colours.warn, colours.canvas, 0.11)


_SHEET = """
QMainWindow, QScrollArea, QScrollArea > QWidget > QWidget#page { background: $canvas; border: none }
QFrame[look="sidebar"] { background: $surface; border: none; border-right: 1px solid $line }
QFrame[look="card"] { background: $surface; border: 1px solid $line; border-radius: 12px }
QFrame[look="banner"] { background: $banner; border: none; border-radius: 8px }
QLabel { background: transparent }
QLabel[look="brand"], QLabel[look="page-title"] { font-size: ${s18}px; font-weight: 700 }
QLabel[look="state"] { font-size: ${s26}px; font-weight: 700 }
QLabel[look="state"][tone="bad"] { color: $bad }
QLabel[look="number"] { font-size: ${s24}px; font-weight: 700 }
QLabel[look="number"][stale="true"] { color: $muted }
QLabel[look="card-title"] { font-size: ${s16}px; font-weight: 700 }
QLabel[look="sentence"] { font-size: ${s15}px }
QLabel[look="label"] { font-size: ${s13}px; font-weight: 600; color: $muted }
QLabel[look="source"] { font-size: ${s13}px; color: $muted }
QLabel[look="value"] { font-size: ${s13}px }
QLabel[look="strong"] { font-size: ${s13}px; font-weight: 600 }
QLabel[look="warn"] { font-size: ${s13}px; font-weight: 600; color: $warn }
QLabel[look="bad"] { font-size: ${s13}px; font-weight: 600; color: $bad }
QLabel[look="command"] {
  font-family: monospace; font-size: ${s13}px; background: $raised; border-radius: 6px; padding: 2px ${s6}px }
QLabel[look="fact"] { font-size: ${s13}px; border: 2px solid transparent; border-radius: 6px }
QLabel[look="fact"]:focus { border-color: $accent }
QFrame[look="check"] { border: 2px solid transparent; border-radius: 6px }
QFrame[look="check"]:focus { border-color: $accent }
QLabel[look="fact"][tone="warn"] { color: $warn; font-weight: 600 }
QLabel[look="fact"][tone="bad"] { color: $bad; font-weight: 600 }
QLabel[look="fact"][tone="muted"] { color: $muted }
QPushButton[look="main"] {
  background: $earn; color: $on_earn; border: 3px solid $earn; border-radius: 12px;
  font-size: ${s17}px; font-weight: 700; padding: ${s12}px ${s16}px; min-height: ${s26}px }
QPushButton[look="main"]:hover { background: $earn_hover; border-color: $earn_hover }
QPushButton[look="main"]:focus { border-color: $accent }
QPushButton[look="main"]:disabled { background: $raised; color: $muted; border-color: $raised }
QPushButton[look="plain"] {
  background: transparent; color: $muted; border: 2px solid transparent; border-radius: 8px;
  font-size: ${s13}px; font-weight: 600; padding: 2px ${s8}px; text-align: center }
QPushButton[look="plain"]:hover, QPushButton[look="plain"]:pressed { color: $text; background: $raised }
QPushButton[look="plain"]:checked { color: $text; background: $raised }
QPushButton[look="plain"]:focus { border-color: $accent }
QLineEdit {
  background: $surface; color: $text; border: 2px solid $line; border-radius: 8px; padding: ${s6}px ${s8}px }
QPlainTextEdit {
  font-family: monospace; font-size: ${s12}px; background: $surface; color: $text; border: 2px solid $line;
  border-radius: 8px; padding: ${s6}px; selection-background-color: $accent; selection-color: $canvas }
QPlainTextEdit:focus { border-color: $accent }
QLineEdit:focus { border-color: $accent }
QCheckBox { font-size: ${s13}px; spacing: ${s8}px }
QCheckBox::indicator { width: ${s12}px; height: ${s12}px; border: 2px solid $muted; border-radius: 4px }
QCheckBox::indicator:checked { background: $accent; border-color: $accent }
QCheckBox:focus { color: $accent }
QListWidget[look="pages"] { background: transparent; border: none; outline: 0; font-size: ${s14}px; color: $muted }
QListWidget[look="pages"]::item {
  padding: ${s8}px ${s12}px; border-radius: 8px; border: 2px solid transparent; margin-bottom: 4px }
QListWidget[look="pages"]::item:selected { background: $raised; color: $text }
QListWidget[look="pages"]::item:hover { color: $text }
QListWidget[look="pages"]:focus::item:selected { border-color: $accent }
QTableView {
  background: transparent; border: none; color: $text; font-size: ${s13}px; gridline-color: $line;
  selection-background-color: $raised; selection-color: $text; outline: 0 }
QTableView::item { border-top: 1px solid $line; padding: 0 4px 0 0 }
QTableView::item:selected { background: $raised; color: $text }
QTableView[look="jobs"] { border: 2px solid transparent; border-radius: 8px }
QTableView[look="jobs"]:focus { border-color: $accent }
QHeaderView, QHeaderView::section {
  background: transparent; color: $muted; border: none;
  font-size: ${s12}px; font-weight: 600; padding: 4px 4px 4px 1px }
QScrollBar:vertical { background: transparent; width: 12px; margin: 2px }
QScrollBar::handle:vertical { background: $line; border-radius: 4px; min-height: 32px }
QScrollBar::handle:vertical:hover { background: $muted }
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page {
  background: transparent; height: 0; width: 0 }
QMenu { background: $surface; color: $text; border: 1px solid $line; padding: 4px }
QMenu::item { padding: ${s6}px ${s24}px ${s6}px ${s12}px; border-radius: 6px }
QMenu::item:selected { background: $raised }
QMenu::item:disabled { color: $muted }
QMenu::separator { background: $line; height: 1px; margin: 4px 8px }
QToolTip { background: $surface; color: $text; border: 1px solid $line; padding: 4px }
"""
