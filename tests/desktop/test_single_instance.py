"""Two windows for one agent would show two truths; a second start must bring the first window forward."""

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PySide6.QtNetwork import QLocalServer, QLocalSocket
from pytestqt.qtbot import QtBot

import mulberry
from mulberry.client import leaving
from mulberry.client.leaving import leave
from mulberry.desktop.single_instance import SingleInstance
from mulberry.model.places import DataFolder


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder.of_network(tmp_path, "demo")
    made.create()
    return made


def test_a_second_start_brings_the_first_window_forward(qtbot: QtBot, folder: DataFolder) -> None:
    first, second = SingleInstance(folder), SingleInstance(folder)
    assert first.acquire()
    with qtbot.waitSignal(first.come_forward, timeout=5000):
        assert not second.acquire()
    first.release()


def test_after_the_first_has_ended_another_may_begin(qtbot: QtBot, folder: DataFolder) -> None:
    first = SingleInstance(folder)
    assert first.acquire()
    first.release()
    second = SingleInstance(folder)
    assert second.acquire()
    second.release()


def test_other_data_folders_have_windows_of_their_own(qtbot: QtBot, folder: DataFolder, tmp_path: Path) -> None:
    other = DataFolder.of_network(tmp_path, "other")
    other.create()
    first, second = SingleInstance(folder), SingleInstance(other)
    assert first.acquire()
    assert second.acquire()
    first.release()
    second.release()


def test_what_a_killed_window_left_behind_is_no_hindrance(qtbot: QtBot, folder: DataFolder) -> None:
    first_life = """
import os, signal, sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from mulberry.desktop.single_instance import SingleInstance
from mulberry.model.places import DataFolder
application = QCoreApplication([])
instance = SingleInstance(DataFolder(Path(sys.argv[1])))
print(instance.acquire(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    environment = os.environ | {"PYTHONPATH": str(Path(mulberry.__file__).parent.parent)}
    killed = subprocess.run(
        [sys.executable, "-c", first_life, str(folder.path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.stdout == "True\n", killed.stderr
    assert (folder.path / "window.lock").exists()
    assert Path(folder.window_address).exists()
    second, third = SingleInstance(folder), SingleInstance(folder)
    assert second.acquire()
    with qtbot.waitSignal(second.come_forward, timeout=5000):
        assert not third.acquire()
    second.release()


def test_the_socket_has_a_full_path_and_is_the_owners_alone(qtbot: QtBot, folder: DataFolder) -> None:
    instance = SingleInstance(folder)
    assert instance.acquire()
    address = Path(folder.window_address)
    assert address.is_absolute()
    assert address.stat().st_mode & 0o077 == 0
    instance.release()
    QLocalServer.removeServer(str(address))


def test_a_start_that_is_to_stay_hidden_brings_nothing_forward(qtbot: QtBot, folder: DataFolder) -> None:
    first, second, third = SingleInstance(folder), SingleInstance(folder), SingleInstance(folder)
    asked: list[bool] = []
    first.come_forward.connect(lambda: asked.append(True))
    assert first.acquire()
    assert not second.acquire(comes_forward=False)
    with qtbot.waitSignal(first.come_forward, timeout=5000):
        assert not third.acquire()
    assert asked == [True], "only the third one asked"
    first.release()


def test_an_installer_has_the_window_end_and_it_does_not_come_forward(
    qtbot: QtBot, folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "STARTING_SECONDS", 0.1)  # there is no agent to wait for
    window = SingleInstance(folder)
    asked: list[bool] = []
    window.come_forward.connect(lambda: asked.append(True))
    window.leave.connect(window.release)
    assert window.acquire()
    said: list[str] = []
    ended: list[bool] = []

    def installer() -> None:
        ended.append(asyncio.run(leave([folder], 0.0, said.append)))

    thread = threading.Thread(target=installer)
    thread.start()
    qtbot.waitUntil(lambda: bool(ended), timeout=5000)
    thread.join()
    assert (ended, said, asked) == ([True], ["demo: the window has ended."], [])


def test_a_visitor_who_says_nothing_changes_nothing(qtbot: QtBot, folder: DataFolder) -> None:
    window = SingleInstance(folder)
    asked: list[str] = []
    window.come_forward.connect(lambda: asked.append("forward"))
    window.leave.connect(lambda: asked.append("leave"))
    assert window.acquire()
    visitor = QLocalSocket()
    visitor.connectToServer(folder.window_address)
    with qtbot.waitSignal(visitor.disconnected, timeout=5000):
        pass
    assert asked == []
    window.release()
