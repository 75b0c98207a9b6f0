"""A model comes from strangers over broken lines: what serves must be exactly what the manifest names, or nothing."""

import errno
import gzip
import io
import os
import socket
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from conftest import SettableClock
from model_server import Answer, a_model, cut_after, endless, etag, says, serving, with_manifest, write
from mulberry.model.errors import UserFacingError
from mulberry.model.models import CopyProgress, StoredModel
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.store import download
from mulberry.runtime.store.disk import RESERVE_BYTES, Disk
from mulberry.runtime.store.download import fetch_manifest
from mulberry.runtime.store.importing import import_model
from mulberry.runtime.store.judging import Verdict
from mulberry.runtime.store.sources import source_of
from mulberry.runtime.store.store import ModelStore, digest_of

WEIGHTS = "model.onnx.data"


async def approve(model: ModelFolder) -> Verdict:
    return Verdict((), judged_in="a test")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PAUSES_SECONDS", (0.0, 0.0, 0.0, 0.0))


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "store")


async def bring(
    store: ModelStore,
    place: str | Path,
    judge: Callable[[ModelFolder], Awaitable[Verdict]] = approve,
    told: list[CopyProgress] | None = None,
) -> StoredModel:
    async with source_of(str(place), store.disk) as source:
        tell = (lambda progress: None) if told is None else told.append
        return await import_model(store, source, judge, SettableClock(), tell)


def cut(store: ModelStore) -> Answer:
    """A connection that breaks off when a megabyte of the weights lies in the store."""

    def arrived() -> int:
        return sum(part.stat().st_size for part in store.parts.glob(f"*/model/{WEIGHTS}"))

    return cut_after(1_000_000, arrived)


async def refusal(store: ModelStore, place: str | Path, judge: Any = approve) -> str:
    """Why it was not imported. Nothing of it may be seen after that."""
    with pytest.raises(UserFacingError) as refused:
        await bring(store, place, judge)
    assert store.models() == []
    assert [path for path in store.place.glob("*") if not path.name.startswith(".")] == []
    return refused.value.why


async def test_what_somebody_laid_beside_a_half_fetched_model_is_not_imported_with_it(
    store: ModelStore, tmp_path: Path
) -> None:
    """A graph reads its neighbours, and nobody has inspected this one."""
    files = a_model()
    half = store.parts / digest_of(files["manifest.json"]) / "model"
    half.mkdir(parents=True)
    (half / "other.data").write_bytes(b"x")
    assert "does not name the file 'other.data'" in await refusal(store, write(tmp_path / "m", files))


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="this system opens what a link points to")
def test_what_is_fetched_is_never_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"mine")
    (tmp_path / "model.onnx").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic links"):
        Disk().append(tmp_path / "model.onnx")
    assert (tmp_path / "precious").read_bytes() == b"mine"


async def test_from_a_folder(store: ModelStore, tmp_path: Path) -> None:
    told: list[CopyProgress] = []
    model = await bring(store, write(tmp_path / "m", a_model()), told=told)
    assert (model.name, model.version, model.problem, model.in_use) == ("mulberry/tiny-lm", "1", "", False)
    ModelFolder.read(store.path_of(model.entry)).verify()
    assert told[-1].done_bytes == told[-1].total_bytes == model.size_bytes
    assert [part.done_bytes for part in told] == sorted(part.done_bytes for part in told)


async def test_from_an_address_and_by_a_files_address(store: ModelStore, tmp_path: Path) -> None:
    async with serving(a_model()) as server:
        model = await bring(store, server.address)
        assert model.source == f"{server.address}/manifest.json"
        assert await bring(store, f"{server.address}/manifest.json") == model
    ModelFolder.read(store.path_of(model.entry)).verify()
    assert (await bring(store, write(tmp_path / "m 1", a_model()).as_uri())).entry == model.entry


async def test_nobody_sees_it_before_it_was_judged(store: ModelStore, tmp_path: Path) -> None:
    seen: list[StoredModel] = []

    async def look(model: ModelFolder) -> Verdict:
        model.verify()
        seen.extend(store.models())
        return Verdict(())

    await bring(store, write(tmp_path / "m", a_model()), look)
    assert seen == []


async def test_what_is_refused_leaves_nothing_on_the_disk(store: ModelStore, tmp_path: Path) -> None:
    async def refuse(model: ModelFolder) -> Verdict:
        return Verdict(("model.onnx: the operator 'Evil' is not allowed.",))

    assert "'Evil'" in await refusal(store, write(tmp_path / "m", a_model()), refuse)
    assert list(store.parts.iterdir()) == []


async def test_a_cut_connection_goes_on_where_it_was(store: ModelStore) -> None:
    files = a_model()
    async with serving(files) as server:
        server.instead[WEIGHTS] = [cut(store)]
        await bring(store, server.address)
        assert server.ranges_asked(WEIGHTS) == ["", "bytes=1000000-"]


async def test_an_import_that_was_ended_goes_on_where_it_was(store: ModelStore) -> None:
    async with serving(a_model()) as server:
        server.instead[WEIGHTS] = [cut(store), *[says("503 Busy")] * 5]
        assert "status 503" in await refusal(store, server.address)
        server.instead.clear()
        server.asked.clear()
        await bring(store, server.address)
        assert server.ranges_asked(WEIGHTS) == ["bytes=1000000-"]
        assert server.ranges_asked("tokenizer.json") == []


async def test_a_file_that_changes_midway_is_fetched_anew_and_then_refused(store: ModelStore) -> None:
    files = a_model()
    async with serving(files) as server:

        async def cut_and_change(*arguments: Any) -> None:
            await cut(store)(*arguments)
            server.replace(WEIGHTS, bytes(len(files[WEIGHTS])))

        server.instead[WEIGHTS] = [cut_and_change]
        assert "the SHA-256 differs" in await refusal(store, server.address)
        assert server.ranges_asked(WEIGHTS) == ["", "bytes=1000000-"]
        server.replace(WEIGHTS, files[WEIGHTS])
        await bring(store, server.address)
        assert server.ranges_asked(WEIGHTS)[2:] == [""]


async def test_a_server_that_hides_the_change_is_caught_by_the_hash(store: ModelStore) -> None:
    files = a_model()
    size = len(files[WEIGHTS])
    lie = says(
        "206 Partial Content",
        f"ETag: {etag(files[WEIGHTS])}",
        f"Content-Range: bytes 1000000-{size - 1}/{size}",
        body=bytes(size - 1_000_000),
    )
    async with serving(files) as server:
        server.instead[WEIGHTS] = [cut(store), lie]
        assert "the SHA-256 differs" in await refusal(store, server.address)


@pytest.mark.parametrize(
    "content_range",
    ["bytes 0-2659839/2659840", "bytes 1000000-2659839/9", "bytes 1000000-5/2659840", "lines 1-2/3", ""],
)
async def test_a_server_that_goes_on_elsewhere_is_asked_for_all(store: ModelStore, content_range: str) -> None:
    async with serving(a_model()) as server:
        server.instead[WEIGHTS] = [cut(store), says("206 Partial Content", f"Content-Range: {content_range}")]
        await bring(store, server.address)
        assert server.ranges_asked(WEIGHTS) == ["", "bytes=1000000-", ""]


async def test_a_part_of_a_file_with_another_tag_is_not_put_behind_ours(store: ModelStore) -> None:
    files = a_model()
    size = len(files[WEIGHTS])
    whole_range = f"Content-Range: bytes 1000000-{size - 1}/{size}"
    other = says("206 Partial Content", 'ETag: "another"', whole_range, body=files[WEIGHTS][1_000_000:])
    async with serving(files) as server:
        server.instead[WEIGHTS] = [cut(store), other]
        await bring(store, server.address)
        assert server.ranges_asked(WEIGHTS) == ["", "bytes=1000000-", ""]


async def test_no_proxy_of_the_environment_hears_what_is_imported(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with serving(a_model()) as proxy, serving(a_model()) as server:
        monkeypatch.setenv("http_proxy", proxy.address)
        await bring(store, server.address)
        assert not proxy.asked


async def test_without_a_strong_tag_nothing_is_patched_together(store: ModelStore) -> None:
    files = a_model()
    cut = says("200 OK", 'ETag: W/"weak"', f"Content-Length: {len(files[WEIGHTS])}", body=files[WEIGHTS][:1_000_000])
    async with serving(files) as server:
        server.instead[WEIGHTS] = [cut]
        await bring(store, server.address)
        assert server.ranges_asked(WEIGHTS) == ["", ""]


async def test_a_part_that_was_changed_on_the_disk_does_not_survive(store: ModelStore) -> None:
    async with serving(a_model()) as server:
        server.instead[WEIGHTS] = [cut(store), *[says("500 Oops")] * 5]
        await refusal(store, server.address)
        (part,) = store.parts.glob(f"*/model/{WEIGHTS}")
        part.write_bytes(bytes(1_000_000))
        server.instead.clear()
        assert "the SHA-256 differs" in await refusal(store, server.address)
        await bring(store, server.address)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (says("200 OK", "Content-Length: 99999999999"), "announces 99,999,999,999 bytes"),
        (says("200 OK", "Content-Length: 1", body=b"x"), "announces 1 bytes"),
        (endless, "sends more for model.onnx.data than that has"),
        (says("404 Not Found"), "status 404"),
        (says("204 No Content"), "status 204"),
        (says("200 OK", "Content-Encoding: gzip"), "another encoding"),
        (says("302 Found", "Location: http://192.0.2.1/x"), "anybody on the way could change it"),
        (says("302 Found", "Location: file:///etc/passwd"), "does not begin with https://"),
        (says("302 Found", "Location: https://user:secret@example.org/x"), "name or a password"),
        (says("302 Found"), "sent us on more than 5 times"),
    ],
)
async def test_a_server_that_lies_is_not_believed(store: ModelStore, answer: Any, why: str) -> None:
    async with serving(a_model()) as server:
        server.instead[WEIGHTS] = [answer] * 10
        said = await refusal(store, server.address)
    assert why in said and "secret" not in said


async def test_a_server_that_never_finishes_is_given_up(store: ModelStore) -> None:
    async with serving(a_model()) as server:
        server.instead[WEIGHTS] = [says("200 OK", body=b"")] * 20
        assert "stopped before the end" in await refusal(store, server.address)
        assert len(server.ranges_asked(WEIGHTS)) == 5


async def test_a_redirect_to_an_allowed_address_is_followed(store: ModelStore) -> None:
    async with serving(a_model()) as mirror, serving(a_model()) as server:
        server.instead[WEIGHTS] = [says("302 Found", f"Location: {mirror.address}/{WEIGHTS}?signature=1")]
        await bring(store, server.address)
        assert [name for name, _ in mirror.asked] == [WEIGHTS]


class FarServer:
    """What aiohttp's session would have of a server with a certificate: an order to ask somebody else."""

    status = 302

    def __init__(self, location: str) -> None:
        self.headers = {"Location": location}
        self.asked: list[str] = []

    def get(self, address: str, **_: object) -> "FarServer":
        self.asked.append(address)
        return self

    async def __aenter__(self) -> "FarServer":
        return self

    async def __aexit__(self, *_: object) -> None: ...


@pytest.mark.parametrize("near", ["http://127.0.0.1:9200/_shutdown", "http://localhost/", "http://[::1]:80/"])
async def test_a_server_far_away_cannot_have_us_ask_programs_of_this_computer(near: str) -> None:
    far = FarServer(near)
    with pytest.raises(UserFacingError) as refused:
        await fetch_manifest(far, "https://example.org/m/manifest.json")  # type: ignore[arg-type]
    assert "does not begin with https://" in refused.value.why
    assert far.asked == ["https://example.org/m/manifest.json"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (endless, "larger than 1,000,000 bytes"),
        (says("200 OK", body=b"{}"), "Field required"),
        (says("200 OK", body=b"<html>"), "manifest.json has mistakes"),
        (says("200 OK", "Content-Encoding: gzip", body=gzip.compress(b"{}")), "Invalid JSON"),  # it may be a bomb
        (says("403 Forbidden"), "status 403"),
    ],
)
async def test_a_manifest_that_is_none(store: ModelStore, answer: Any, why: str) -> None:
    async with serving(a_model()) as server:
        server.instead["manifest.json"] = [answer]
        assert why in await refusal(store, server.address)


async def test_nobody_listens(store: ModelStore) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert "could not be reached" in await refusal(store, f"http://127.0.0.1:{port}/model")


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/model",
        "ftp://example.org/model",
        "https://user@example.org/model",
        "https://example.org/model?token=1",
        "https://[::1/model",
        "https:///model",
        "file://example.org/model",
        "file:",
    ],
)
async def test_addresses_that_are_never_asked(store: ModelStore, address: str) -> None:
    with pytest.raises(UserFacingError, match="Nothing is fetched from"):
        await bring(store, address)


# Folders


async def test_an_archive_is_not_opened(store: ModelStore, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        archive.writestr("../../escaped", b"x")
    assert "Archives are not opened" in await refusal(store, tmp_path / "model.zip")


async def test_a_link_or_a_pipe_or_a_device_is_no_file_of_a_model(store: ModelStore, tmp_path: Path) -> None:
    folder = write(tmp_path / "m", a_model())
    (folder / WEIGHTS).rename(tmp_path / "elsewhere")
    weights = folder / WEIGHTS
    weights.symlink_to(tmp_path / "elsewhere")
    assert f"{WEIGHTS} could not be read: it is a link." in await refusal(store, folder)
    weights.unlink()
    weights.symlink_to("/dev/zero")
    assert f"{WEIGHTS} could not be read" in await refusal(store, folder)
    weights.unlink()
    os.mkfifo(weights)
    assert f"{WEIGHTS} could not be read: it is no plain file." in await refusal(store, folder)
    weights.unlink()
    weights.mkdir()
    assert f"{WEIGHTS} could not be read" in await refusal(store, folder)


async def test_a_manifest_that_is_a_pipe_does_not_wait_for_ever(store: ModelStore, tmp_path: Path) -> None:
    folder = write(tmp_path / "m", a_model())
    (folder / "manifest.json").unlink()
    os.mkfifo(folder / "manifest.json")
    assert "no plain file" in await refusal(store, folder)


async def test_a_folder_that_holds_no_model_is_said_so(store: ModelStore, tmp_path: Path) -> None:
    assert "no such folder" in await refusal(store, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "no manifest.json" in await refusal(store, tmp_path / "empty")


@pytest.mark.parametrize(
    ("content", "why"), [(b"", "has 0 bytes"), (bytes(9 << 20), "more than 2,659,840"), (bytes(2659840), "was changed")]
)
async def test_a_folder_that_is_not_what_it_says(store: ModelStore, tmp_path: Path, content: bytes, why: str) -> None:
    folder = write(tmp_path / "m", a_model() | {WEIGHTS: content})
    assert why in await refusal(store, folder)


async def test_files_that_the_manifest_does_not_name_stay_behind(store: ModelStore, tmp_path: Path) -> None:
    model = await bring(store, write(tmp_path / "m", a_model() | {"setup.py": b"import os"}))
    assert not (store.path_of(model.entry) / "setup.py").exists()


@pytest.mark.parametrize(
    "name",
    ["../x", "/etc/x", "a/b", "a\\b", "..", "x.", "nul", "COM1.onnx", "Model.onnx", "ｍodel.onnx", "x\u202e", "a:b"],
)
async def test_names_that_would_leave_the_folder_or_mean_something_else(
    store: ModelStore, tmp_path: Path, name: str
) -> None:
    files = a_model()
    lying = with_manifest(files | {name: b"x"})
    (folder := tmp_path / "m").mkdir()
    (folder / "manifest.json").write_bytes(lying["manifest.json"])
    assert "manifest.json has mistakes" in await refusal(store, folder)


async def test_a_title_that_moves_the_cursor_is_refused(store: ModelStore, tmp_path: Path) -> None:
    for key in ("name", "title", "licence", "source"):
        said = await refusal(store, write(tmp_path / key, a_model(**{key: "x\x1b[2Jy"})))
        assert key in said and said.isprintable()


async def test_nothing_that_strangers_write_moves_the_cursor(store: ModelStore, tmp_path: Path) -> None:
    said = await refusal(store, write(tmp_path / "m", a_model(**{"\x1b[2J": 1})))
    assert "?[2J: Extra inputs" in said and said.isprintable()
    async with serving(a_model()) as server:
        for answer in (
            says("200 OK", "\x1b[2J: \x1b[2J"),
            says("302 Found", "Location: https://a@\x1b[2J/"),
            says("999 \x1b[2J"),
        ):
            server.instead["manifest.json"] = [answer] * 10
            with pytest.raises(UserFacingError) as refused:
                await bring(store, server.address)
            assert all(text.isprintable() for text in (refused.value.what, refused.value.why))


# Room


class SmallDisk(Disk):
    """Says that it has `free` bytes, and takes `room` before it is full."""

    def __init__(self, free: int, room: int) -> None:
        self.free = free
        self.room = room

    def free_bytes(self, folder: Path) -> int:
        return self.free

    def append(self, path: Path) -> BinaryIO:
        return FullFile(path, self)


class FullFile(io.FileIO):
    def __init__(self, path: Path, disk: SmallDisk) -> None:
        super().__init__(path, "ab")
        self._disk = disk

    def write(self, data: Any) -> int:
        if len(data) > self._disk.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._disk.room -= len(data)
        return super().write(data)


@pytest.mark.parametrize("over_the_network", [True, False])
async def test_a_disk_that_fills_up_keeps_what_is_right(tmp_path: Path, over_the_network: bool) -> None:
    disk = SmallDisk(free=10**12, room=1_500_000)
    store = ModelStore(tmp_path / "store", disk)
    async with serving(a_model()) as server:
        place = server.address if over_the_network else write(tmp_path / "m", a_model())
        assert "the disk has" in await refusal(store, place)
        disk.room = 10**9
        await bring(store, place)
        if over_the_network:
            assert server.ranges_asked("tokenizer.json") == [""]


async def test_too_little_room_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "store", SmallDisk(free=RESERVE_BYTES + 1_000_000, room=0))
    async with serving(a_model()) as server:
        assert "2.72 MB" in await refusal(store, server.address)
        assert [name for name, _ in server.asked] == ["manifest.json"]


async def test_the_owners_limit_holds_and_counts_what_is_there(store: ModelStore, tmp_path: Path) -> None:
    store.set_quota(2_000_000)
    place = write(tmp_path / "m", a_model())
    assert "your limit for models is 2.00 MB" in await refusal(store, place)
    store.set_quota(4_000_000)
    await bring(store, place)
    with pytest.raises(UserFacingError, match=r"2\.72 MB; your limit"):
        await bring(store, write(tmp_path / "n", a_model(version="2")))
    store.set_quota(None)
    await bring(store, tmp_path / "n")


async def test_two_imports_at_once_do_not_mix(store: ModelStore, tmp_path: Path) -> None:
    async def another(model: ModelFolder) -> Verdict:
        with pytest.raises(UserFacingError, match="Another import is under way"):
            await bring(store, tmp_path / "m")
        return Verdict(())

    await bring(store, write(tmp_path / "m", a_model()), another)
