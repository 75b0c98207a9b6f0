"""What a screen reader is told of a window, read from Qt's own accessibility tree."""

from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtWidgets import QWidget

Role = QAccessible.Role
INTERACTIVE = {
    Role.Button,
    Role.ButtonMenu,
    Role.CheckBox,
    Role.RadioButton,
    Role.ComboBox,
    Role.EditableText,
    Role.SpinBox,
    Role.Slider,
    Role.List,
    Role.Table,
    Role.Tree,
    Role.Link,
}
PARTS_OF_OTHERS = {"QComboBox", "QAbstractSpinBox", "QSpinBox", "QTimeEdit", "QDateEdit", "QScrollBar"}


@dataclass(frozen=True)
class Told:
    """One thing in the tree."""

    name: str
    role: Role
    widget: QWidget | None
    is_hidden: bool
    can_have_focus: bool


def walk(widget: QWidget) -> Iterator[Told]:
    """Everything in `widget` that is not hidden."""
    root = QAccessible.queryAccessibleInterface(widget)
    assert root is not None
    yield from _below(root)


def interactive(widget: QWidget) -> list[Told]:
    """What can be used, without the parts that Qt makes other things of (the list of a combo box)."""
    return [told for told in walk(widget) if _is_interactive(told)]


def _is_interactive(told: Told) -> bool:
    if told.widget is None or not (told.role in INTERACTIVE or told.can_have_focus):
        return False
    above = told.widget.parentWidget()
    while above is not None:
        if above.metaObject().className() in PARTS_OF_OTHERS:
            return False
        above = above.parentWidget()
    return told.role not in (Role.Cell, Role.ListItem, Role.ScrollBar)


def _below(interface: QAccessibleInterface) -> Iterator[Told]:
    thing = interface.object()
    state = interface.state()
    if state.invisible:
        return
    yield Told(
        interface.text(QAccessible.Text.Name),
        interface.role(),
        thing if isinstance(thing, QWidget) else None,
        bool(state.invisible),
        bool(state.focusable),
    )
    if interface.role() in (Role.Table, Role.List, Role.Tree):
        return  # its cells are told from its model
    for number in range(interface.childCount()):
        child = interface.child(number)
        if child is not None and child.isValid():
            yield from _below(child)
