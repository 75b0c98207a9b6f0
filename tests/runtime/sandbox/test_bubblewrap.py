"""The words that bubblewrap is started with: one that is missing is a wall that is missing."""

import shutil
import subprocess
from pathlib import Path

import pytest

from mulberry.runtime.sandbox import bubblewrap
from mulberry.runtime.sandbox.bubblewrap import AS_A_USER, AS_ROOT, FILE_SYSTEM, ISOLATION, Bubblewrap
from mulberry.runtime.sandbox.provider import Limits, Room, code_folders
from mulberry.runtime.wire import ProfileName

ALL_KNOWN = frozenset({"--disable-userns", "--size"})
MODEL = Path("/usr")  # any folder


@pytest.fixture(params=[True, False], ids=["root", "user"])
def root(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(bubblewrap, "is_root", lambda: request.param)
    return bool(request.param)


def words(known: frozenset[str] = ALL_KNOWN, *, scope: bool = False, room: Room | None = None) -> list[str]:
    sandbox = Bubblewrap("/usr/bin/bwrap", known, scope=scope)
    return sandbox.command(room or Room(MODEL), {"LANG": "C"}, info=7, link=9)


def has(command: list[str], *expected: str) -> bool:
    return any(command[at : at + len(expected)] == list(expected) for at in range(len(command)))


def test_all_of_its_kinds_options_are_there(root: bool) -> None:
    command = words()
    for option in (*ISOLATION, *FILE_SYSTEM, *(AS_ROOT if root else AS_A_USER)):
        assert has(command, *option.words), option.reason
    assert "--unshare-user" not in command or not root  # root inside a namespace would be root outside
    assert "--share-net" not in command
    assert not {"--bind", "--bind-try"} & set(command)  # nothing can be written


def test_only_root_is_told_to_become_nobody(root: bool) -> None:
    assert (words()[-1] == "65534") is root
    assert words()[-2 if root else -1] == "9"


def test_what_an_older_version_does_not_know_is_left_out(root: bool) -> None:
    command = words(known=frozenset())
    assert "--disable-userns" not in command
    assert "--size" not in command
    assert has(command, "--tmpfs", "/tmp")  # noqa: S108


def test_systemds_limits_stand_outside(root: bool) -> None:
    command = words(scope=True, room=Room(MODEL, limits=Limits(memory_bytes=123, processes=10)))
    assert command[:4] == ["systemd-run", "--user", "--scope", "--quiet"]
    assert has(command, "-p", "MemoryMax=123")
    assert has(command, "-p", "TasksMax=18")
    assert command.index("--") + 1 == command.index("/usr/bin/bwrap")


def test_a_gpu_job_gets_its_card_and_no_other(root: bool) -> None:
    room = Room(MODEL, profile=ProfileName.CUDA, devices=("/dev/nvidia1",))
    command = words(room=room)
    devices = [command[at + 1] for at, word in enumerate(command) if word == "--dev-bind-try"]
    assert devices == ["/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia1"]
    assert Bubblewrap("bwrap", ALL_KNOWN).order(room).devices == ("/dev/nvidia1",)


def test_no_home_folder_is_ever_part_of_the_room(root: bool) -> None:
    command = words()
    bound = {command[at + 1] for at, word in enumerate(command) if word in ("--ro-bind", "--ro-bind-try")}
    assert bound
    assert not bound & {"/", "/etc", "/home", "/root", str(Path.home())}


def test_no_folder_of_code_lies_inside_another() -> None:
    folders = code_folders(Path("/usr/lib/x/y.py"))
    assert not any(other in folder.parents for folder in folders for other in folders)


def test_a_bwrap_that_does_not_answer_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def hang(*words: object, **how: object) -> None:
        raise subprocess.TimeoutExpired("bwrap", 5)

    monkeypatch.setattr(shutil, "which", lambda name: str(tmp_path / name))
    assert Bubblewrap.find() is None  # there is no such file
    monkeypatch.setattr(subprocess, "run", hang)
    assert Bubblewrap.find() is None
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert Bubblewrap.find() is None
