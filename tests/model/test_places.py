"""Play money and real money must never share a file, and the control socket must fit into what the system allows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mulberry.model.places import (
    SOCKET_PATH_LIMIT_BYTES,
    DataFolder,
    default_data_root,
    lasting_program,
    resource,
    this_program,
)


def test_what_comes_with_mulberry_is_found() -> None:
    assert resource("networks/demo.json").is_file()
    with pytest.raises(FileNotFoundError, match="resources/no such thing"):
        resource("no such thing")


def test_the_data_root_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MULBERRY_DATA", str(tmp_path))
    assert default_data_root() == tmp_path
    monkeypatch.delenv("MULBERRY_DATA")
    assert "mulberry" in str(default_data_root()).lower()


def test_no_two_networks_share_a_file(tmp_path: Path) -> None:
    one, other = (DataFolder.of_network(tmp_path, name) for name in ("demo", "mainnet"))
    names = [name for name, value in vars(DataFolder).items() if isinstance(value, property)]
    assert len(names) > 5
    for name in names:
        assert getattr(one, name) != getattr(other, name)


def test_the_folder_is_its_owners_alone(tmp_path: Path) -> None:
    folder = DataFolder.of_network(tmp_path / "root", "demo")
    folder.create()
    folder.create()
    assert folder.path.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.name == "nt", reason="Unix sockets")
def test_a_long_path_gets_a_short_socket_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")
    deep = [DataFolder(tmp_path / ("deep" * 40) / name) for name in ("one", "two")]
    addresses = [folder.control_address for folder in deep]
    assert all(len(os.fsencode(address)) <= SOCKET_PATH_LIMIT_BYTES for address in addresses)
    assert addresses[0] != addresses[1]
    assert addresses[0].startswith("/run/user/1000/mulberry-")


@pytest.mark.skipif(os.name == "nt", reason="Unix sockets")
def test_a_short_path_keeps_the_socket_beside_the_ledger() -> None:
    folder = DataFolder(Path("/home/me/mulberry/demo"))
    assert folder.control_address == "/home/me/mulberry/demo/agent.sock"


def test_on_windows_the_address_is_a_pipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    monkeypatch.setattr("mulberry.model.places.os.name", "nt")
    address = folder.control_address
    monkeypatch.undo()
    assert address.startswith("\\\\.\\pipe\\mulberry-")


def test_a_folder_that_calls_itself_mulberry_is_not_run(tmp_path: Path) -> None:
    """Mulberry started in a folder of strangers' files must start Mulberry."""
    (tmp_path / "mulberry.py").write_text("print('strangers')")
    told = subprocess.run([*this_program(), "--version"], cwd=tmp_path, capture_output=True, text=True)
    assert told.stdout.startswith("mulberry ")


def test_what_outlives_an_appimage_is_started_by_its_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("APPIMAGE", raising=False)
    assert lasting_program() == this_program()
    monkeypatch.setenv("APPIMAGE", "/home/me/Mulberry.AppImage")
    monkeypatch.setenv("APPDIR", str(Path(sys.executable).parent.parent))
    assert lasting_program() == ["/home/me/Mulberry.AppImage"]


def test_another_apps_appimage_is_not_taken_for_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("APPIMAGE", "/home/me/Terminal.AppImage")
    monkeypatch.setenv("APPDIR", str(tmp_path))
    assert lasting_program() == this_program()
