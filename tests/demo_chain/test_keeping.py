"""Play money that vanishes at a restart, or at a kill, would make the app's history a liar."""

from pathlib import Path

import pytest

from conftest import SettableClock
from mulberry.demo.chain.chain import LocalChain
from mulberry.demo.chain.keeping import MOST_LINES, KeptChain
from mulberry.model.money import Nanoton
from mulberry.ton.address import Address
from mulberry.ton.emulator.executor import Emulator

SHOP = Address(b"\x77" * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new folder" / "chain"


def open_at(path: Path, clock: SettableClock, emulator: Emulator) -> KeptChain:
    return KeptChain(path, b"seed", clock, emulator)


def killed_copy(path: Path, folder: Path) -> Path:
    """The files as a killed process leaves them."""
    folder.mkdir()
    for file in path.parent.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder / path.name


def pay(chain: LocalChain, clock: SettableClock) -> None:
    clock.pass_time(seconds=3)
    chain.faucet(SHOP, Nanoton(5))
    chain.make_block()


def test_a_chain_is_there_again_after_a_restart(path: Path, clock: SettableClock, emulator: Emulator) -> None:
    with open_at(path, clock, emulator) as kept:
        pay(kept.chain, clock)
    assert {file.name for file in path.parent.iterdir()} == {"chain", "chain.journal"}
    with open_at(path, clock, emulator) as again:
        assert (again.chain.head, again.chain.account(SHOP).balance) == (kept.chain.head, 5)


def test_every_block_is_there_again_after_a_kill_to_the_bit(
    path: Path, tmp_path: Path, clock: SettableClock, emulator: Emulator
) -> None:
    with open_at(path, clock, emulator) as kept:
        for run in range(4):
            pay(kept.chain, clock)
            kept.chain.make_block()
            with open_at(killed_copy(path, tmp_path / str(run)), clock, emulator) as again:
                assert again.chain.snapshot() == kept.chain.snapshot()
                pay(again.chain, clock)  # and it goes on
                assert len(again.chain.transactions(SHOP)) == run + 2


def test_half_a_line_is_a_block_that_nobody_saw(
    path: Path, tmp_path: Path, clock: SettableClock, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    with open_at(path, clock, emulator) as kept:
        pay(kept.chain, clock)
        head = kept.chain.head
        before = path.with_name("chain.journal").stat().st_size
        pay(kept.chain, clock)
        line = path.with_name("chain.journal").stat().st_size - before
        for cut in (2, line // 2, line - 1):
            copy = killed_copy(path, tmp_path / f"cut {cut}")
            journal = copy.with_name("chain.journal")
            journal.write_bytes(journal.read_bytes()[:-cut])
            with open_at(copy, clock, emulator) as again:
                assert (again.chain.head, again.chain.account(SHOP).balance) == (head, 5)
    assert "half a line" in caplog.text


def test_a_kill_between_the_two_files_makes_no_block_twice(
    path: Path, tmp_path: Path, clock: SettableClock, emulator: Emulator
) -> None:
    with open_at(path, clock, emulator) as kept:
        pay(kept.chain, clock)
        copy = killed_copy(path, tmp_path / "copy")
        copy.write_bytes(kept.chain.snapshot())
        with open_at(copy, clock, emulator) as again:
            assert (again.chain.head, again.chain.account(SHOP).balance) == (kept.chain.head, 5)


def test_the_journal_does_not_grow_for_ever(
    path: Path, clock: SettableClock, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_LINES <= 200, "a restart makes so many blocks again"
    monkeypatch.setattr("mulberry.demo.chain.keeping.MOST_LINES", 3)
    with open_at(path, clock, emulator) as kept:
        sizes = []
        for _ in range(8):
            kept.chain.make_block()
            sizes.append(len(path.with_name("chain.journal").read_bytes().splitlines()))
    assert sizes == [1, 2, 3, 0, 1, 2, 3, 0]


def test_a_broken_file_is_put_aside(path: Path, clock: SettableClock, emulator: Emulator) -> None:
    with open_at(path, clock, emulator) as kept:
        pay(kept.chain, clock)
    path.write_bytes(b"half a file")
    with open_at(path, clock, emulator) as new:
        assert new.chain.account(SHOP).balance == 0
    assert path.with_name("chain.broken").read_bytes() == b"half a file"


def test_a_full_disk_stops_no_blocks_and_the_chain_is_whole_when_there_is_room(
    path: Path,
    tmp_path: Path,
    clock: SettableClock,
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space left")

    with open_at(path, clock, emulator) as kept:
        with monkeypatch.context() as full:
            full.setattr("mulberry.demo.chain.keeping.os.fsync", fail)
            full.setattr("mulberry.demo.chain.keeping.write_whole", fail)
            pay(kept.chain, clock)
            pay(kept.chain, clock)
            assert len(kept.chain.transactions(SHOP)) == 2
            assert "no space left" in caplog.text
        kept.chain.make_block()
        with open_at(killed_copy(path, tmp_path / "copy"), clock, emulator) as again:
            assert again.chain.snapshot() == kept.chain.snapshot()


def test_a_disk_that_does_not_take_it_at_the_start_is_told(
    tmp_path: Path, clock: SettableClock, emulator: Emulator
) -> None:
    (tmp_path / "in the way").touch()
    with pytest.raises(OSError, match="irectory"):
        open_at(tmp_path / "in the way" / "chain", clock, emulator)
