"""A small HTTP server for models, over real sockets, that can be told to misbehave."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from loopback import until
from mulberry.model.places import resource

Headers = dict[str, str]
Answer = Callable[["ModelServer", str, Headers, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class ModelServer:
    """`files` are served with strong ETags and ranges. `instead` has answers for a file's next requests."""

    files: dict[str, bytes]
    port: int = 0
    instead: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[tuple[str, Headers]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/model"

    def ranges_asked(self, name: str) -> list[str]:
        return [headers.get("range", "") for asked, headers in self.asked if asked == name]

    def replace(self, name: str, content: bytes) -> None:
        self.files[name] = content

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path, *lines = head.splitlines()
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            name = path.split()[1].partition("?")[0].rpartition("/")[2]
            self.asked.append((name, headers))
            answers = self.instead.get(name)
            await (answers.pop(0) if answers else well)(self, name, headers, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(files: dict[str, bytes]) -> AsyncIterator[ModelServer]:
    model_server = ModelServer(dict(files))
    server = await asyncio.start_server(model_server.answer, "127.0.0.1", 0)
    async with server:
        model_server.port = server.sockets[0].getsockname()[1]
        yield model_server


def head(status: str, *lines: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", "Connection: close", *lines, "", "")).encode()


def etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:16]}"'


async def well(server: ModelServer, name: str, headers: Headers, writer: asyncio.StreamWriter) -> None:
    content = server.files.get(name)
    if content is None:
        writer.write(head("404 Not Found", "Content-Length: 0"))
        return
    tag, start = etag(content), 0
    if "range" in headers and headers.get("if-range") == tag:
        start = int(headers["range"].removeprefix("bytes=").rstrip("-"))
        lines = [f"Content-Range: bytes {start}-{len(content) - 1}/{len(content)}"]
        writer.write(head("206 Partial Content", f"ETag: {tag}", f"Content-Length: {len(content) - start}", *lines))
    else:
        writer.write(head("200 OK", f"ETag: {tag}", f"Content-Length: {len(content)}"))
    writer.write(content[start:])


def cut_after(count: int, arrived: Callable[[], int]) -> Answer:
    """Announces all, sends so many bytes of it, and hangs up when they have arrived."""

    async def answer(server: ModelServer, name: str, headers: Headers, writer: asyncio.StreamWriter) -> None:
        content = server.files[name]
        writer.write(head("200 OK", f"ETag: {etag(content)}", f"Content-Length: {len(content)}"))
        writer.write(content[:count])
        await until(lambda: arrived() == count)

    return answer


def says(status: str, *lines: str, body: bytes = b"") -> Answer:
    async def answer(server: ModelServer, name: str, headers: Headers, writer: asyncio.StreamWriter) -> None:
        writer.write(head(status, *lines) + body)

    return answer


async def endless(server: ModelServer, name: str, headers: Headers, writer: asyncio.StreamWriter) -> None:
    writer.write(head("200 OK"))
    while True:
        writer.write(bytes(1 << 16))
        await writer.drain()


def a_model(**changes: object) -> dict[str, bytes]:
    """The demo model's files, with a manifest that fits to them; `changes` are the manifest's."""
    folder = resource("models/tiny-lm")
    return with_manifest({path.name: path.read_bytes() for path in folder.iterdir()}, **changes)


def with_manifest(files: dict[str, bytes], **changes: object) -> dict[str, bytes]:
    """The files with the manifest made to fit."""
    manifest = json.loads(files["manifest.json"])
    manifest["files"] = [
        {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in sorted(files.items())
        if name != "manifest.json"
    ]
    return files | {"manifest.json": json.dumps(manifest | changes).encode()}


def write(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder
