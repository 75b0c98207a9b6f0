"""pip knows where files are, and is believed in nothing else: its words are a stranger's."""

import json
import os
import sys
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path

import pytest

from conftest import SettableClock
from model_server import says as says_page
from model_server import serving
from mulberry.model.errors import UserFacingError
from mulberry.model.gpu_runtime import GpuNeeds, GpuRuntime
from mulberry.runtime.gpu_runtimes import addresses
from mulberry.runtime.gpu_runtimes.addresses import ask_pip, wheel_of_pip
from mulberry.runtime.gpu_runtimes.bringing import from_index
from mulberry.runtime.gpu_runtimes.folder import GpuRuntimes
from mulberry.runtime.gpu_runtimes.installing import install
from wheel_samples import packed, wheel_of

NAME = "mulberry_something-1.0-py3-none-any.whl"
METADATA = b"Metadata-Version: 2.1\nName: mulberry-something\nVersion: 1.0\n"
WHEEL = b"Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
CONTENT = packed(
    {
        "mulberry_something.py": b"",
        "mulberry_something-1.0.dist-info/METADATA": METADATA,
        "mulberry_something-1.0.dist-info/WHEEL": WHEEL,
        "mulberry_something-1.0.dist-info/RECORD": b"",
    }
)


def a_pip(folder: Path, program: str) -> Sequence[str]:
    path = folder / "pip.py"
    path.write_text(f"import sys, time\n{program}\n", "utf-8")
    return (sys.executable, "-I", str(path))


def says(text: str) -> str:
    return f"sys.stdout.write({text!r})"


def an_answer(*urls: str, sha256: str = "") -> str:
    return json.dumps([[url.rpartition("/")[2], url, sha256] for url in urls])


async def test_the_real_pip_finds_a_file_where_its_owner_told_it_to_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what it names as a folder's file is copied from there."""
    index = tmp_path / "wheels of ours"
    index.mkdir()
    (index / NAME).write_bytes(CONTENT)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", index.as_uri())
    wheel = wheel_of(NAME, CONTENT)
    assert await ask_pip([wheel]) == {NAME: (index / NAME).as_uri()}
    (index / NAME).unlink()
    with pytest.raises(UserFacingError, match="gpu-setup --from FOLDER"):
        await ask_pip([wheel])
    (index / NAME).write_bytes(CONTENT)
    runtimes = GpuRuntimes(tmp_path / "runtimes")
    runtime = GpuRuntime("small", "1.0-small", "1.0", GpuNeeds("13.0", 580, ((8, 0),)), (wheel,))
    async with from_index(ask_pip, runtimes.disk) as bringer:
        await install(runtimes, runtime, bringer, well, SettableClock())
    assert runtimes.chosen.current == runtime.version


async def well(runtime: GpuRuntime, libraries: Path, gpu: str) -> None: ...


async def test_the_real_pip_fetches_nothing_of_a_file_to_say_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A runtime has more than a gigabyte, which its owner pays for once."""
    page = f'<a href="{NAME}#sha256={wheel_of(NAME, CONTENT).sha256}">{NAME}</a>'.encode()
    async with serving({NAME: CONTENT}) as server:
        server.instead[""] = [says_page("200 OK", "Content-Type: text/html", body=page)]
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("PIP_INDEX_URL", server.address)
        found = await ask_pip([wheel_of(NAME, CONTENT)])
        assert found == {NAME: f"{server.address}/mulberry-something/{NAME}"}
        assert [name for name, _ in server.asked] == [""], "the project's page, and nothing else"


async def test_of_two_files_of_one_name_the_one_with_the_hash_is_taken(tmp_path: Path) -> None:
    wheel = wheel_of(NAME, CONTENT)
    stale, right = f"https://stale.example/{NAME}", f"https://example.org/{NAME}"
    said = json.dumps([[NAME, stale, "0" * 64], [NAME, right, wheel.sha256], [NAME, stale, ""]])
    assert await ask_pip([wheel], a_pip(tmp_path, says(said))) == {NAME: right}


async def test_each_project_is_asked_for_once_and_by_nothing_but_its_name(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    program = (
        f'import json\nopen({str(kept)!r}, "w").write(json.dumps(sys.argv[1:]))\n'
        f"{says(an_answer('https://example.org/a/' + NAME))}"
    )
    wheel = wheel_of(NAME, CONTENT)
    assert await ask_pip([wheel, wheel], a_pip(tmp_path, program)) == {NAME: f"https://example.org/a/{NAME}"}
    assert json.loads(kept.read_bytes()) == ["mulberry-something"]


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (says(an_answer()), f"pip's index has no {NAME}"),
        (says(an_answer("https://example.org/other.whl")), f"pip's index has no {NAME}"),
        (says('[["name", 5, ""]]'), "pip's answer cannot be read"),
        (says(an_answer(f"https://example.org/{NAME}", sha256="0" * 64)), f"pip's index has no {NAME}"),
        (says("not JSON"), "pip's answer cannot be read"),
        (says('{"install": 5}'), "pip's answer cannot be read"),
        ("pass", "pip's answer cannot be read"),
        ('sys.stdout.write(\'[\' + \'["a", "b", ""],\' * 10**6 + \'["a", "b", ""]]\')', "pip's answer cannot be read"),
        ('sys.stderr.write("x" * 100_000 + "\\nERROR: \\x1b[2Jno matching distribution"); sys.exit(1)', "nowhere"),
    ],
)
async def test_a_pip_that_knows_nothing_is_told_apart_from_one_that_does(
    tmp_path: Path, program: str, why: str
) -> None:
    with pytest.raises(UserFacingError) as refused:
        await ask_pip([wheel_of(NAME, CONTENT)], a_pip(tmp_path, program))
    assert why in refused.value.why
    assert "\x1b" not in refused.value.detail and len(refused.value.detail) <= 300


async def test_a_pip_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "PATIENCE_SECONDS", 0.2)
    with pytest.raises(UserFacingError, match="no answer within"):
        await ask_pip([wheel_of(NAME, CONTENT)], a_pip(tmp_path, "time.sleep(600)"))


@pytest.mark.skipif(wheel_of_pip() is None, reason="this Python came without a pip for new environments")
async def test_where_no_pip_is_installed_pythons_own_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after `uv tool install`, which makes environments without one."""
    (tmp_path / NAME).write_bytes(CONTENT)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", tmp_path.as_uri())
    environment = tmp_path / "a tool's environment"
    venv.create(environment, with_pip=False, symlinks=os.name != "nt")
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert await ask_pip([wheel_of(NAME, CONTENT)]) == {NAME: (tmp_path / NAME).as_uri()}


def test_pythons_own_pip_is_found_where_distributions_keep_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path / name))
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: str(tmp_path) if name == "WHEEL_PKG_DIR" else None)
    assert wheel_of_pip() is None
    for name in (
        "pip-23.0.1-py3-none-any.whl",
        "setuptools-66.1.1-py3-none-any.whl",
        "pipdeptree-2.0-py3-none-any.whl",
    ):
        (tmp_path / name).touch()
    assert wheel_of_pip() == tmp_path / "pip-23.0.1-py3-none-any.whl"


async def test_without_any_pip_the_other_ways_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(addresses, "wheel_of_pip", lambda: None)
    with pytest.raises(UserFacingError, match="pip, which knows where files can be had, is not here") as refused:
        await ask_pip([wheel_of(NAME, CONTENT)])
    assert "gpu-setup --from FOLDER" in refused.value.next_step
