"""Play money that vanishes at a restart would make the app's history a liar."""

from pathlib import Path

import pytest

from conftest import SettableClock
from mulberry.demo.chain.chain import LocalChain
from mulberry.demo.chain.emulator import Emulator
from mulberry.demo.chain.keeping import keep_chain, open_chain
from mulberry.model.money import Nanoton
from mulberry.ton.address import Address

SHOP = Address(b"\x77" * 32)


def test_a_chain_is_there_again_after_a_restart(
    chain: LocalChain, tmp_path: Path, clock: SettableClock, emulator: Emulator
) -> None:
    chain.faucet(SHOP, Nanoton(5))
    chain.make_block()
    path = tmp_path / "new folder" / "chain"
    keep_chain(path, chain)
    keep_chain(path, chain)
    assert [file.name for file in path.parent.iterdir()] == ["chain"]
    again = open_chain(path, b"another seed, not needed", clock, emulator)
    assert (again.head, again.account(SHOP).balance) == (chain.head, 5)


def test_without_a_file_a_chain_begins(tmp_path: Path, clock: SettableClock, emulator: Emulator) -> None:
    assert open_chain(tmp_path / "chain", b"seed", clock, emulator).head.seqno == 1


def test_a_broken_file_is_put_aside(tmp_path: Path, clock: SettableClock, emulator: Emulator) -> None:
    path = tmp_path / "chain"
    path.write_bytes(b"half a file")
    assert open_chain(path, b"seed", clock, emulator).head.seqno == 1
    assert (tmp_path / "chain.broken").read_bytes() == b"half a file"
    assert not path.exists()


def test_a_disk_that_does_not_take_it_is_told(chain: LocalChain, tmp_path: Path) -> None:
    path = tmp_path / "chain"
    path.mkdir()
    (path / "in the way").touch()
    with pytest.raises(OSError, match="irectory"):
        keep_chain(path, chain)
    assert [file.name for file in tmp_path.iterdir()] == ["chain"]
