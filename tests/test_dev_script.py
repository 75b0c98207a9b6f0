"""`dev.py` is the first thing a stranger runs: it must name what is missing, and the line that installs it."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def dev(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("dev", ROOT / "dev.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux splits Qt's libraries into packages")
def test_a_missing_library_is_named_by_its_package(dev: ModuleType) -> None:
    assert dev.missing_packages({"libc.so.6": "libc6", "libnot-there-at-all.so.1": "libnot-there"}) == ["libnot-there"]


def test_without_root_the_install_line_is_given(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000, raising=False)
    with pytest.raises(SystemExit) as stop:
        dev.install_system_packages(["libegl1", "libgl1"], needed_for="The window")
    assert "sudo apt-get install -y --no-install-recommends libegl1 libgl1" in str(stop.value)
    assert str(stop.value).startswith("The window needs system packages that are missing: libegl1 libgl1")


def test_as_root_the_packages_are_installed(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr("os.geteuid", lambda: 0, raising=False)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(dev, "run", lambda *words, environment=None: ran.append(words))
    dev.install_system_packages(["python3-venv"], needed_for="The virtual environment")
    assert ran[-1] == ("apt-get", "install", "-y", "--no-install-recommends", "python3-venv")


def test_the_environment_is_made_again_only_when_something_changed(
    dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    for name in ("requirements", "requirements-dev"):
        (tmp_path / f"{name}.lock").write_text(f"{name} 1\n")
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    monkeypatch.setattr(dev, "VENV", tmp_path)
    monkeypatch.setattr(dev, "make_venv", lambda: made.append("venv"))
    monkeypatch.setattr(dev, "python", lambda *words: 0)
    monkeypatch.setattr(dev, "link_the_source", lambda: None)

    dev.set_up(development=True)
    dev.set_up(development=True)
    dev.set_up(development=False)  # the development environment holds all of it
    assert made == ["venv"]

    (tmp_path / "requirements-dev.lock").write_text("requirements-dev 2\n")
    dev.set_up(development=True)
    assert made == ["venv", "venv"]


@pytest.mark.skipif(sys.platform == "win32", reason="the command is a shell script")
def test_the_command_works_from_a_folder_with_any_letters_in_any_locale(
    dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = tmp_path / 'ünï $HOME `cöde` "it\'s"'
    (checkout / "app" / "mulberry").mkdir(parents=True)
    (checkout / "app" / "mulberry" / "__main__.py").write_text("import sys; print(sys.argv[1:])")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", checkout / ".venv"], check=True)
    for name, path in (("ROOT", "."), ("BIN", ".venv/bin"), ("PYTHON", ".venv/bin/python")):
        monkeypatch.setattr(dev, name, checkout / path)
    dev.link_the_source()
    for locale in ("C", "C.UTF-8"):
        command = [str(checkout / ".venv" / "bin" / "mulberry"), "status", "--data", "a b"]
        said = subprocess.check_output(command, text=True, env={"PATH": "/usr/bin:/bin", "LC_ALL": locale})
        assert said == "['status', '--data', 'a b']\n"


def test_help_names_every_command(
    dev: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["dev.py", "--help"])
    with pytest.raises(SystemExit):
        dev.main()
    said = capsys.readouterr().out
    assert all(name in said for name in dev.COMMANDS)
