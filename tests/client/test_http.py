"""The client reads a socket that another program could have taken: whatever comes, it ends, with a plain error."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mulberry.client.control import AgentNotRunning, ControlClient
from mulberry.client.http import ANSWER_LIMIT_BYTES, request
from mulberry.model.errors import UserFacingError
from mulberry.model.places import DataFolder


@asynccontextmanager
async def answering(folder: DataFolder, answer: bytes, *, hold: bool = False) -> AsyncIterator[None]:
    """A server that sends `answer` to whoever comes, then hangs up, or with `hold` stays silent."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        if hold:
            await reader.read()
        writer.close()

    folder.create()
    server = await asyncio.start_unix_server(serve, folder.control_address)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path)


async def test_an_answer_is_its_status_and_body(folder: DataFolder) -> None:
    async with answering(folder, b"HTTP/1.1 201 Fine\r\ncontent-LENGTH:  2\r\n\r\nokX"):
        assert await request(folder.control_address, "GET", "/") == (201, b"ok")


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nno length",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1e3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (ANSWER_LIMIT_BYTES + 1),
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
async def test_an_answer_that_is_not_ours_is_said_to_be_strange(folder: DataFolder, answer: bytes) -> None:
    async with answering(folder, answer):
        with pytest.raises(UserFacingError, match="does not understand"):
            await ControlClient(folder).hello()


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"]
)
async def test_an_agent_that_dies_in_the_middle_is_not_running(folder: DataFolder, answer: bytes) -> None:
    async with answering(folder, answer):
        with pytest.raises(AgentNotRunning):
            await ControlClient(folder).hello()


async def test_nobody_there_is_not_running(folder: DataFolder) -> None:
    with pytest.raises(AgentNotRunning) as raised:
        await ControlClient(folder).status()
    assert "mulberry start" in raised.value.next_step


async def test_a_silent_agent_is_not_waited_for_for_ever(folder: DataFolder) -> None:
    async with answering(folder, b"", hold=True):
        with pytest.raises(UserFacingError, match="does not answer"):
            await ControlClient(folder, timeout_seconds=0.05).hello()


async def test_on_windows_it_is_a_pipe(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as Linux can show: the same words through what the Windows event loop has for pipes."""
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "create_pipe_connection", loop.create_unix_connection, raising=False)
    address = folder.control_address
    async with answering(folder, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"):
        monkeypatch.setattr("mulberry.client.http.os.name", "nt")
        try:
            assert await request(address, "GET", "/") == (200, b"ok")
        finally:
            monkeypatch.undo()
