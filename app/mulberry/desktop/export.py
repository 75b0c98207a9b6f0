"""Saving what is shown: asks where to, and writes the whole file or none of it."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from PySide6.QtCore import QStandardPaths
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from mulberry.model.jobs_csv import csv_line, harmless
from mulberry.model.language import tr

CSV, PICTURE = tr("Comma-separated values (*.csv)"), tr("Picture (*.png)")


def ask_where(parent: QWidget, title: str, name: str, kind: str, save: Callable[[Path], None]) -> QFileDialog:
    """Opens a dialog that proposes `name` in the owner's documents; `save` hears the choice."""
    files = QFileDialog(
        parent, title, QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    )
    files.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    files.setNameFilter(kind)
    files.setDefaultSuffix(Path(name).suffix.removeprefix("."))
    files.selectFile(name)
    files.fileSelected.connect(lambda chosen: save(Path(chosen)))
    files.finished.connect(files.deleteLater)
    files.open()
    return files


def save_table(parent: QWidget, path: Path, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """As comma-separated lines, which no spreadsheet takes for formulas; says so where that fails."""
    lines = [csv_line(map(harmless, row)) for row in (headings, *rows)]
    _save(parent, path, ("\n".join(lines) + "\n").encode())


def save_picture(parent: QWidget, path: Path, picture: QPixmap) -> None:
    """As PNG; says so where that fails."""
    beside = path.with_name(f".{path.name}.part")
    if not picture.save(str(beside), "PNG"):
        beside.unlink(missing_ok=True)
        say_not_saved(parent, path, tr("The folder does not take the file."))
        return
    _rename(parent, beside, path)


def say_not_saved(parent: QWidget, path: Path, why: str) -> None:
    box = QMessageBox(QMessageBox.Icon.Warning, "Mulberry", tr("{name} was not saved.", name=path.name), parent=parent)
    box.setInformativeText(why)
    box.finished.connect(box.deleteLater)
    box.open()


def _save(parent: QWidget, path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.write_bytes(content)
    except OSError as problem:
        say_not_saved(parent, path, f"{problem.strerror}.")
        return
    _rename(parent, beside, path)


def _rename(parent: QWidget, beside: Path, path: Path) -> None:
    try:
        beside.replace(path)
    except OSError as problem:
        beside.unlink(missing_ok=True)
        say_not_saved(parent, path, f"{problem.strerror}.")
