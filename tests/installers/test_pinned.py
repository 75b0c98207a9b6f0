"""What is fetched at build time runs on every owner's computer: nothing but the file that was pinned may get in."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from installers import pinned
from installers.pinned import PinnedFile, fetch, read_pins
from installers.project import ROOT

CONTENT = b"the very file"
PINNED = PinnedFile("thing", "1.0", "", hashlib.sha256(CONTENT).hexdigest(), 100)


class OneFile(http.server.BaseHTTPRequestHandler):
    content = CONTENT

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(pinned, "DOWNLOADS", tmp_path / "downloads")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.HTTPServer(("127.0.0.1", 0), OneFile) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}/thing.zip"
        server.shutdown()
        serving.join()


def test_it_is_fetched_once(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = replace(PINNED, url=address)
    assert fetch(wanted).read_bytes() == CONTENT
    monkeypatch.setattr(OneFile, "content", b"no longer")
    assert fetch(wanted).read_bytes() == CONTENT


def test_another_file_is_refused_and_not_kept(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OneFile, "content", b"another file")
    with pytest.raises(SystemExit, match=r"is not thing 1\.0 as it was pinned"):
        fetch(replace(PINNED, url=address))
    assert not pinned.DOWNLOADS.exists()


def test_a_file_that_was_kept_by_half_is_fetched_again(address: str) -> None:
    """A builder's Ctrl-C or full disk must not be in the way of the next build."""
    wanted = replace(PINNED, url=address)
    fetch(wanted).write_bytes(CONTENT[:5])
    assert fetch(wanted).read_bytes() == CONTENT


def test_an_endless_answer_is_not_read_to_its_end(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OneFile, "content", CONTENT + b" and more")
    assert fetch(replace(PINNED, url=address, most_bytes=len(CONTENT))).read_bytes() == CONTENT


def test_a_file_that_was_named_is_checked_too_and_left_alone(tmp_path: Path) -> None:
    named = tmp_path / "fetched before.zip"
    named.write_bytes(CONTENT)
    assert fetch(PINNED, named) == named
    named.write_bytes(b"forged")
    with pytest.raises(SystemExit, match="as it was pinned"):
        fetch(PINNED, named)
    assert named.read_bytes() == b"forged"


def test_without_a_network_the_builder_is_told_what_else_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pinned, "DOWNLOADS", tmp_path)
    with pytest.raises(SystemExit, match=r"(?s)cannot be fetched.*name the file"):
        fetch(replace(PINNED, url="http://127.0.0.1:9/thing.zip"))


@pytest.mark.parametrize("path", sorted((ROOT / "installers").glob("*/inputs.toml")), ids=lambda path: path.parent.name)
def test_every_pin_is_whole(path: Path) -> None:
    for pin in read_pins(path).values():
        assert pin.url.startswith("https://")
        assert pin.version.partition("+")[0] in pin.url
        assert len(bytes.fromhex(pin.sha256)) == 32
        assert pin.most_bytes > 0
