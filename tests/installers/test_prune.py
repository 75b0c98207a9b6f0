"""What is pruned too much does not start, what is pruned too little breaks a licence or the size budget."""

import base64
import csv
import hashlib
import re
from pathlib import Path

import pytest

from installers.project import ROOT
from installers.prune import GPL_ONLY, QT_MODULES, is_kept, prune, refuse_gpl_only_parts
from made_up_packages import install


def test_every_part_of_qt_that_the_window_imports_is_kept() -> None:
    imported = set()
    for path in (ROOT / "app").rglob("*.py"):
        imported |= set(re.findall(r"^\s*(?:from|import) PySide6\.Qt(\w+)", path.read_text(), re.MULTILINE))
    assert imported == set(QT_MODULES.split("|"))


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("PySide6/QtWidgets.abi3.so", True),
        ("PySide6/QtWidgets.pyd", True),
        ("PySide6/Qt/lib/libQt6Widgets.so.6", True),
        ("PySide6/Qt6Widgets.dll", True),
        ("PySide6/Qt/plugins/platforms/libqxcb.so", True),
        ("PySide6/plugins/platforms/qwindows.dll", True),
        ("PySide6/Qt/translations/qtbase_de.qm", True),
        ("PySide6/Qt/translations/linguist_de.qm", False),
        ("PySide6/Qt/lib/libQt6Quick.so.6", False),
        ("PySide6/QtQml.abi3.so", False),
        ("PySide6/opengl32sw.dll", False),
        ("PySide6/designer", False),
        ("PySide6/SomethingNew.so", False),
        ("numpy/_core/numeric.py", True),
        ("numpy/_core/tests/test_numeric.py", False),
        ("numpy/random/mtrand.pyx", False),
        ("aiohttp/_http_parser.c", False),
        ("rich/__pycache__/table.cpython-311.pyc", False),
        ("rich-15.0.0.dist-info/licenses/LICENSE", True),
        ("rich-15.0.0.dist-info/direct_url.json", False),
        ("bin/normalizer", False),
    ],
)
def test_what_stays_and_what_goes(path: str, kept: bool) -> None:
    assert is_kept(path) == kept


def test_pruning_leaves_a_true_record_and_no_empty_folder(tmp_path: Path) -> None:
    files = {
        "numpy/__init__.py": b"pass",
        "numpy/tests/test_all.py": b"assert True",
        "../../bin/f2py": b"#!/home/builder",
    }
    packages = install(tmp_path / "lib" / "site-packages", "numpy", files=files)

    freed = prune(packages)

    assert freed == len(b"assert True")
    assert not (packages / "numpy" / "tests").exists()
    with (packages / "numpy-1.0.dist-info" / "RECORD").open(newline="") as lines:
        rows = {row[0]: row[1:] for row in csv.reader(lines)}
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"pass").digest()).rstrip(b"=").decode()
    assert rows["numpy/__init__.py"] == [f"sha256={digest}", "4"]
    assert set(rows) == {"numpy/__init__.py", "numpy-1.0.dist-info/METADATA", "numpy-1.0.dist-info/RECORD"}


@pytest.mark.parametrize("part", GPL_ONLY)
def test_a_part_of_qt_under_the_gpl_alone_is_refused_wherever_it_lies(part: str, tmp_path: Path) -> None:
    for number, layout in enumerate(
        ("Qt/lib/libQt6{}.so.6", "Qt6{}.dll", "Qt/plugins/x/lib{}plugin.so", "Qt/qml/{}/qmldir")
    ):
        tree = tmp_path / str(number)
        library = tree / "usr" / "PySide6" / layout.format(part)
        library.parent.mkdir(parents=True)
        library.write_bytes(b"")
        with pytest.raises(SystemExit, match="only the GPL"):
            refuse_gpl_only_parts(tree)
        prune(tree / "usr")  # by construction: pruning leaves none of it
        assert not library.exists()


def test_a_name_that_only_sounds_like_one_is_no_part_of_qt(tmp_path: Path) -> None:
    (tmp_path / "mulberry").mkdir()
    (tmp_path / "mulberry" / "charts.py").write_text("")
    refuse_gpl_only_parts(tmp_path)
    assert (tmp_path / "mulberry" / "charts.py").exists()
