"""How everything looks: one palette and one style sheet, made from the colours and the system's font size.

Qt follows the system's light or dark scheme on few desktops, and never changes our palette by itself, so we do both.
"""

from enum import StrEnum
from string import Template

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontInfo, QPalette
from PySide6.QtWidgets import QApplication

from mulberry.desktop.colours import (
    DARK,
    HIGH_CONTRAST_DARK,
    HIGH_CONTRAST_LIGHT,
    LIGHT,
    Colours,
    black_or_white,
    blend,
)
from mulberry.model.places import resource

USUAL_FONT_PIXELS = 13.0  # what most desktops set; sizes below are for it and grow with a larger one


class Scheme(StrEnum):
    """Which colours to show, as the setting `look` calls them."""

    FOLLOW = "system"
    LIGHT = "light"
    DARK = "dark"
    HIGH_CONTRAST = "high contrast"  # on black where the system is dark, else on white


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
        hints = application.styleHints()
        hints.colorSchemeChanged.connect(self._follow)
        hints.accessibility().contrastPreferenceChanged.connect(self._follow)

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
        hints = self._application.styleHints()
        is_high = hints.accessibility().contrastPreference() is Qt.ContrastPreference.HighContrast
        return wanted(self._scheme, is_dark=hints.colorScheme() is Qt.ColorScheme.Dark, is_high=is_high)

    def _follow(self) -> None:
        if (colours := self._wanted()) != self.colours:
            self.colours = colours
            self._apply()
            self.changed.emit()

    def _apply(self) -> None:
        self._application.setFont(self.font(14))
        self._application.setPalette(palette(self.colours))
        self._application.setStyleSheet(style_sheet(self.colours, self.scale))


def wanted(scheme: Scheme, *, is_dark: bool, is_high: bool) -> Colours:
    """The colours of `scheme` on a system that is dark or not, and asks for high contrast or not."""
    if scheme is Scheme.HIGH_CONTRAST or (scheme is Scheme.FOLLOW and is_high):
        return HIGH_CONTRAST_DARK if is_dark else HIGH_CONTRAST_LIGHT
    if scheme is Scheme.FOLLOW:
        return DARK if is_dark else LIGHT
    return DARK if scheme is Scheme.DARK else LIGHT


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
    sizes = {
        f"s{size}": str(round(size * scale)) for size in (1, 4, 6, 8, 9, 10, 12, 13, 14, 15, 16, 17, 18, 24, 26, 48)
    }
    return Template(_SHEET).substitute(
        sizes,
        canvas=colours.canvas,
        surface=colours.surface,
        raised=colours.raised,
        line=colours.line,
        edge=colours.edge,
        hairline=str(colours.hairline),
        ring=str(colours.ring),
        text=colours.text,
        muted=colours.muted,
        accent=colours.accent,
        earn=colours.earn,
        earn_hover=blend(colours.text, colours.earn, 0.12),
        on_earn=colours.on_earn,
        warn=colours.warn,
        banner=banner(colours),
        bad=colours.bad,
        tick=resource(f"icons/tick-{black_or_white(colours.accent)}.svg").as_posix(),
        arrow_up=resource("icons/arrow-up.svg").as_posix(),
        arrow_down=resource("icons/arrow-down.svg").as_posix(),
    )


def banner(colours: Colours) -> str:
    """The demo banner's ground."""
    return blend(colours.warn, colours.canvas, 0.11)


_SHEET = """
QMainWindow, QScrollArea, QScrollArea > QWidget > QWidget#page { background: $canvas; border: none }
QFrame[look="sidebar"] { background: $surface; border: none; border-right: ${hairline}px solid $line }
QFrame[look="card"] { background: $surface; border: ${hairline}px solid $line; border-radius: 12px }
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
QLabel[look="fact"] { font-size: ${s13}px; border: ${ring}px solid transparent; border-radius: 6px }
QLabel[look="fact"]:focus { border-color: $accent }
QFrame[look="check"] { border: ${ring}px solid transparent; border-radius: 6px }
QFrame[look="check"]:focus { border-color: $accent }
QLabel[look="fact"][tone="warn"] { color: $warn; font-weight: 600 }
QLabel[look="fact"][tone="bad"] { color: $bad; font-weight: 600 }
QLabel[look="fact"][tone="muted"] { color: $muted }
QPushButton[look="main"] {
  background: $earn; color: $on_earn; border: 3px solid $earn; border-radius: 12px;
  font-size: ${s17}px; font-weight: 700; padding: ${s12}px ${s16}px; min-height: ${s26}px }
QPushButton[look="main"]:hover { background: $earn_hover; border-color: $earn_hover }
QPushButton[look="main"]:focus { border: 6px double $on_earn; padding: ${s9}px ${s13}px }
QPushButton[look="main"]:disabled { background: $raised; color: $muted; border-color: $raised }
QPushButton[look="plain"] {
  background: transparent; color: $muted; border: ${ring}px solid transparent; border-radius: 8px;
  font-size: ${s13}px; font-weight: 600; padding: 2px ${s8}px; text-align: center }
QPushButton[look="plain"]:hover, QPushButton[look="plain"]:pressed { color: $text; background: $raised }
QPushButton[look="plain"]:checked { color: $text; background: $raised }
QPushButton[look="plain"]:focus { border-color: $accent }
QLineEdit {
  background: $surface; color: $text; border: ${ring}px solid $edge; border-radius: 8px; padding: ${s6}px ${s8}px }
QLineEdit:focus { border-color: $accent }
QPlainTextEdit {
  background: $surface; color: $text; border: ${ring}px solid $line; border-radius: 8px; padding: 4px }
QPlainTextEdit:focus { border-color: $accent }
QDialogButtonBox, QMessageBox { dialogbuttonbox-buttons-have-icons: 0 }
QAbstractSpinBox, QComboBox {
  background: $surface; color: $text; border: ${ring}px solid $edge; border-radius: 8px;
  padding: 4px ${s6}px; font-size: ${s13}px; min-height: ${s18}px }
QAbstractSpinBox:focus, QComboBox:focus { border-color: $accent }
QAbstractSpinBox:disabled, QComboBox:disabled, QLineEdit:disabled { color: $muted }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {
  border: none; background: transparent; width: ${s18}px }
QAbstractSpinBox::up-arrow { image: url("$arrow_up"); width: ${s10}px; height: ${s10}px }
QAbstractSpinBox::down-arrow, QComboBox::down-arrow {
  image: url("$arrow_down"); width: ${s10}px; height: ${s10}px }
QComboBox::drop-down, QDateEdit::drop-down { border: none; width: ${s24}px }
QComboBox QAbstractItemView {
  background: $surface; border: ${hairline}px solid $line; selection-background-color: $raised }
QListWidget[look="texts"] {
  background: $surface; border: ${ring}px solid $edge; border-radius: 8px; font-size: ${s13}px }
QListWidget[look="texts"]::item { padding: 2px ${s6}px }
QListWidget[look="texts"]:focus { border-color: $accent }
QCheckBox { font-size: ${s13}px; spacing: ${s8}px }
QCheckBox::indicator { width: ${s12}px; height: ${s12}px; border: 2px solid $edge; border-radius: 4px }
QCheckBox::indicator:checked { background: $accent; border-color: $accent; image: url("$tick") }
QCheckBox::indicator:checked:disabled { background: $edge; border-color: $edge }
QCheckBox { border: ${ring}px solid transparent; border-radius: 6px; padding: 2px }
QCheckBox:focus { border-color: $accent }
QRadioButton {
  font-size: ${s14}px; font-weight: 600; spacing: ${s8}px; padding: 3px;
  border: ${ring}px solid transparent; border-radius: 6px }
QRadioButton:focus { border-color: $accent }
QRadioButton::indicator { width: 12px; height: 12px; border: 2px solid $edge; border-radius: 8px }
QRadioButton::indicator:checked { width: 6px; height: 6px; border: 5px solid $accent; background: $surface }
QListWidget[look="pages"] { background: transparent; border: none; outline: 0; font-size: ${s14}px; color: $muted }
QListWidget[look="pages"] QScrollBar:vertical { width: 8px; margin: 0 }
QListWidget[look="pages"]::item {
  padding: ${s8}px 2px ${s8}px ${s12}px; border-radius: 8px; border: ${ring}px solid transparent; margin-bottom: 4px }
QListWidget[look="pages"]::item:selected { background: $raised; color: $text }
QListWidget[look="pages"]::item:hover { color: $text }
QListWidget[look="pages"]:focus::item:selected { border-color: $accent }
QTableView {
  background: transparent; border: none; color: $text; font-size: ${s13}px; gridline-color: $line;
  selection-background-color: $raised; selection-color: $text; outline: 0 }
QTableView::item { border-top: 1px solid $line; padding: 0 4px 0 0 }
QTableView::item:selected { background: $raised; color: $text }
QTableView[look="jobs"] { border: ${ring}px solid transparent; border-radius: 8px }
QTableView[look="jobs"]:focus { border-color: $accent }
QHeaderView, QHeaderView::section {
  background: transparent; color: $muted; border: none;
  font-size: ${s12}px; font-weight: 600; padding: 4px 4px 4px 1px }
QScrollBar:vertical { background: transparent; width: 12px; margin: 2px }
QScrollBar::handle:vertical { background: $edge; border-radius: 4px; min-height: 32px }
QScrollBar::handle:vertical:hover { background: $muted }
QScrollBar:horizontal { background: transparent; height: 12px; margin: 2px }
QScrollBar::handle:horizontal { background: $edge; border-radius: 4px; min-width: 32px }
QScrollBar::handle:horizontal:hover { background: $muted }
QAbstractScrollArea::corner { background: transparent }
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page {
  background: transparent; height: 0; width: 0 }
QMenu { background: $surface; color: $text; border: ${hairline}px solid $line; padding: 4px }
QMenu::item { padding: ${s6}px ${s24}px ${s6}px ${s12}px; border-radius: 6px }
QMenu::item:selected { background: $raised }
QMenu::item:disabled { color: $muted }
QMenu::separator { background: $line; height: ${hairline}px; margin: 4px 8px }
QToolTip { background: $surface; color: $text; border: ${hairline}px solid $line; padding: 4px }
"""
