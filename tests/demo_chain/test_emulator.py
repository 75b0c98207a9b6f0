"""All play money is what this module says: it must be the file that was vendored, and the same in every run."""

import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import wasmtime
from bitarray import bitarray
from pytoniq_core.boc.cell import Cell

from mulberry.demo.chain.account import NO_ACCOUNT, AccountStatus, read_account
from mulberry.demo.chain.emulator import Emulator, EmulatorError, Executed, NotAccepted
from mulberry.demo.chain.emulator_cache import LoadProgress, compiled_module
from mulberry.demo.chain.messages import internal_message
from mulberry.model.places import resource
from public_wallet import PublicWallet

CONFIG = base64.b64encode(resource("emulator/config.boc").read_bytes())
MOMENT: dict[str, Any] = {"unixtime": 1_795_000_000, "lt": 1_000_001, "random_seed": bytes(32)}
FAUCET = (-1, b"\x33" * 32)


def gift(account: bytes, nanoton: int = 10**9, body: Cell | None = None) -> Cell:
    return internal_message(
        source=FAUCET,
        destination=(0, account),
        nanoton=nanoton,
        lt=1,
        unixtime=1_795_000_000,
        bounce=False,
        state_init=None,
        body=body,
    )


def give(emulator: Emulator, account: bytes, body: Cell | None = None) -> Executed:
    result = emulator.execute(CONFIG, NO_ACCOUNT, gift(account, body=body), **MOMENT)
    assert isinstance(result, Executed)
    return result


def test_the_files_are_the_ones_that_were_vendored() -> None:
    description = json.loads(resource("emulator/emulator.json").read_text())
    for name, digest in (("emulator.wasm", "sha256"), ("config.boc", "config_sha256")):
        assert hashlib.sha256(resource(f"emulator/{name}").read_bytes()).hexdigest() == description[digest]
    page = resource("emulator/README.md").read_text()
    assert description["sha256"] in page
    assert description["version"] in page


def test_it_says_from_which_sources_it_was_compiled(emulator: Emulator) -> None:
    assert emulator.version in resource("emulator/README.md").read_text()


def test_money_arrives(emulator: Emulator) -> None:
    state = read_account(give(emulator, b"\x77" * 32).shard_account)
    assert (state.status, state.balance) == (AccountStatus.UNINITIALISED, 10**9)
    assert state.last_transaction_lt == MOMENT["lt"]


def test_an_account_without_code_takes_no_external_message(emulator: Emulator) -> None:
    message = Cell.one_from_boc(PublicWallet().transfer(0, PublicWallet(b"other").address, 1))
    assert isinstance(emulator.execute(CONFIG, NO_ACCOUNT, message, **MOMENT), NotAccepted)


def test_two_emulators_agree_on_every_bit(emulator: Emulator, emulator_cache: Path) -> None:
    other = Emulator.load(emulator_cache)
    give(other, b"\x01" * 32)  # a past of its own must not matter
    assert give(other, b"\x77" * 32).transaction.hash == give(emulator, b"\x77" * 32).transaction.hash


def test_what_is_no_message_is_not_accepted(emulator: Emulator) -> None:
    nothing = Cell(bitarray(), [])
    assert isinstance(emulator.execute(CONFIG, NO_ACCOUNT, nothing, **MOMENT), NotAccepted)


def test_a_message_with_few_cells_that_are_many_on_paper_is_executed(emulator: Emulator) -> None:
    body = Cell(bitarray(), [])
    for _ in range(60):
        body = Cell(body.bits, [body, body])
    assert read_account(give(emulator, b"\x77" * 32, body).shard_account).balance == 10**9


def test_a_message_that_breaks_the_emulator_costs_one_call(emulator: Emulator) -> None:
    body = Cell(bitarray(), [])
    for _ in range(1_000):
        body = Cell(body.bits, [body])
    with pytest.raises(EmulatorError, match="broke down"):
        give(emulator, b"\x77" * 32, body)
    assert read_account(give(emulator, b"\x77" * 32).shard_account).balance == 10**9


def test_what_does_not_succeed_leaves_no_memory_behind(emulator_cache: Path) -> None:
    emulator = Emulator.load(emulator_cache)
    message = Cell.one_from_boc(PublicWallet().transfer(0, PublicWallet(b"other").address, 1))

    def fail(times: int) -> int:
        for _ in range(times):
            emulator.execute(CONFIG, NO_ACCOUNT, message, **MOMENT)
        return emulator.memory_bytes

    assert fail(300) == fail(300)


TINY = "(module)"  # compiles at once


def load_tiny(folder: Path) -> list[LoadProgress]:
    """What loading a tiny module with its cache in `folder` tells."""
    wasm = folder / "tiny.wasm"
    wasm.write_bytes(wasmtime.wat2wasm(TINY))
    told: list[LoadProgress] = []
    compiled_module(wasmtime.Engine(), wasm, folder / "cache", told.append)
    return told


def compiled(told: list[LoadProgress]) -> bool:
    return any(step.compiling for step in told)


def test_the_first_start_compiles_and_the_second_reads_what_the_first_left(tmp_path: Path) -> None:
    first = load_tiny(tmp_path)
    assert compiled(first)
    assert [step.elapsed_seconds for step in first] == sorted(step.elapsed_seconds for step in first)
    assert not compiled(load_tiny(tmp_path))


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda _: b"", lambda content: content + b"x"])
def test_a_broken_cache_is_made_anew(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    load_tiny(tmp_path)
    (file,) = (tmp_path / "cache").iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert compiled(load_tiny(tmp_path))
    assert list((tmp_path / "cache").iterdir()) == [file]
    assert not compiled(load_tiny(tmp_path))


def test_a_cache_of_another_compiler_is_made_anew(tmp_path: Path) -> None:
    load_tiny(tmp_path)
    (file,) = (tmp_path / "cache").iterdir()
    foreign = b"machine code of another processor"
    file.write_bytes(hashlib.sha256(foreign).digest() + foreign)
    assert compiled(load_tiny(tmp_path))


def test_a_folder_that_cannot_be_written_is_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert compiled(load_tiny(tmp_path))


def test_the_tool_finds_names_in_the_javascript() -> None:
    """The vendoring tool itself needs npm; its one clever part does not."""
    tool = Path(__file__).resolve().parents[2] / "tools" / "vendor_emulator.py"
    glue = (
        "var wasmImports={a:___cxa_throw,$:invoke_v};function assignWasmExports(wasmExports)"
        '{_free=Module["_free"]=wasmExports["Ia"];_setThrew=wasmExports["Pa"]}TTY.init();wasmExports["Ea"]()'
    )
    program = f"import runpy, json; print(json.dumps(runpy.run_path({str(tool)!r})['names']({glue!r})))"
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert json.loads(printed) == {
        "imports": {"$": "invoke_v", "a": "___cxa_throw"},
        "exports": {"__wasm_call_ctors": "Ea", "_free": "Ia", "_setThrew": "Pa"},
    }
