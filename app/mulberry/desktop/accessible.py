"""What a screen reader is told of what we made ourselves: to Qt it is but an area."""

from functools import cache

from PySide6.QtCore import QObject
from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtWidgets import QAccessibleWidget, QWidget

ROLES = {  # by the names of classes
    "Bar": QAccessible.Role.Graphic,
    "Chart": QAccessible.Role.Chart,
    "CheckRow": QAccessible.Role.TreeItem,
    "Plot": QAccessible.Role.Chart,
    "StagesChart": QAccessible.Role.Chart,
    "WeekGrid": QAccessible.Role.Graphic,
    "WeekRows": QAccessible.Role.Chart,
}


@cache
def tell_roles() -> None:
    """For the whole process, once."""
    QAccessible.installFactory(_interface)


def _interface(name: str, thing: QObject) -> QAccessibleInterface | None:
    """None: Qt's own."""
    role = ROLES.get(name)
    return QAccessibleWidget(thing, role) if role is not None and isinstance(thing, QWidget) else None
