"""What the job process is given and how it goes: the last wall between strangers' prompts and the owner's secrets."""

import asyncio
import io
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mulberry.model.places import resource
from mulberry.runtime.child.__main__ import _say_where_never_what
from mulberry.runtime.child.connection import inherited_socket
from mulberry.runtime.job_link import JobLink
from mulberry.runtime.process import JobProcess, child_environment
from mulberry.runtime.sandbox.bare import NoSandbox
from mulberry.runtime.sandbox.provider import Room
from mulberry.runtime.wire import Load
from tiny_model import tiny_model

ROOM = Room(resource("models/tiny-lm"))
APP_ON_PATH = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "app")}


def test_the_environment_is_an_allow_list() -> None:
    theirs = child_environment({"LANG": "C", "HOME": "/root", "SECRET": "x", "PYTHONPATH": "/evil", "LD_PRELOAD": "x"})
    assert theirs == {
        "LANG": "C",
        "ORT_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
        "OPENBLAS_NUM_THREADS": "1",
        "CUDA_CACHE_DISABLE": "1",
        "PYTHONUTF8": "1",
    }


def test_the_agents_side_imports_nothing_heavy() -> None:
    program = """
import sys
import mulberry.runtime.openai, mulberry.runtime.supervisor
print(sorted({"numpy", "onnxruntime", "tokenizers", "jinja2"} & set(sys.modules)))
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=APP_ON_PATH)
    assert said.stdout == "[]\n"


class Babbler:
    """A process that has said a mebibyte and ended."""

    pid = 1

    def __init__(self, words: bytes = bytes(2**20 - 4) + b"last") -> None:
        self.stderr: asyncio.StreamReader | None = asyncio.StreamReader()
        self.stderr.feed_data(words)
        self.stderr.feed_eof()

    def kill(self) -> None:
        pass

    async def wait(self) -> int:
        return 0


@pytest.mark.virtual_time
async def test_who_floods_standard_error_is_read_slowly_and_little_of_it_is_kept() -> None:
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    theirs.close()
    began = loop.time()
    process = JobProcess(Babbler(), ours)
    await process.end(grace_seconds=1)
    assert loop.time() - began > 1, "at most a mebibyte a second"
    assert process.last_words.endswith("last") and len(process.last_words) <= 4096


@pytest.mark.virtual_time
async def test_last_words_hold_nothing_that_a_terminal_obeys() -> None:
    """A model's names are a stranger's, libraries quote them, and the log is read in terminals."""
    ours, theirs = socket.socketpair()
    theirs.close()
    process = JobProcess(Babbler(b"node \x1b[2J\xff\x07\nwhat follows\r\n"), ours)
    await process.end(grace_seconds=1)
    assert process.last_words == "node  [2J\ufffd \nwhat follows"


async def test_it_ends_by_itself_when_the_socket_closes() -> None:
    process = await JobProcess.start(NoSandbox(), ROOM, child_environment(os.environ))
    assert await process.end(grace_seconds=10) == "ended with status 0"


async def test_onnxruntime_sends_no_telemetry_and_leaves_no_files(tmp_path: Path) -> None:
    environment = child_environment(os.environ) | {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    process = await JobProcess.start(NoSandbox(), ROOM, environment)
    _, link = await asyncio.get_running_loop().create_connection(
        lambda: JobLink(256, 30, 30, lambda note: None), sock=process.socket
    )
    link.send(NoSandbox().order(ROOM))
    await link.entered
    link.send(Load(str(resource("models/tiny-lm")), 256, tiny_model().manifest.stop_tokens, 1, 1, 1))
    await asyncio.wait((link.ready, link.over), return_when=asyncio.FIRST_COMPLETED)
    assert link.ready.done()
    link.end("The test is over.")
    await process.end(grace_seconds=10)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - an empty folder, read at once


async def test_without_the_switch_it_does_not_even_start() -> None:
    environment = child_environment(os.environ)
    del environment["ORT_DISABLE_TELEMETRY"]
    process = await JobProcess.start(NoSandbox(), ROOM, environment)
    assert await process.end(grace_seconds=10) == "ended with status 1"
    assert "telemetry is not switched off" in process.last_words


def test_a_traceback_tells_places_and_no_prompts(capsys: pytest.CaptureFixture[str]) -> None:
    prompt = "what the customer typed"
    try:
        raise ValueError(prompt)
    except ValueError as problem:
        _say_where_never_what(type(problem), problem, problem.__traceback__)
    said = capsys.readouterr().err
    assert "ValueError" in said
    assert "test_process.py" in said
    assert prompt not in said


@pytest.mark.skipif(sys.platform == "win32", reason="what other systems say")
def test_a_socket_by_description_is_for_windows() -> None:
    with pytest.raises(OSError, match="only Windows"):
        inherited_socket("stdin", io.BytesIO(b"description"))
