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
from mulberry.demo.chain.messages import internal_message
from mulberry.model.places import resource
from mulberry.ton.emulator.executor import Emulator, EmulatorError, Executed, NotAccepted, decode, encode
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


def deep(depth: int, width: int = 1, bits: str = "") -> Cell:
    body = Cell(bitarray(bits), [])
    for _ in range(depth):
        body = Cell(bitarray(bits), [body] * width)
    return body


@pytest.mark.parametrize("width", [1, 2, 4])
@pytest.mark.parametrize("bits", ["", "1" * 8, "01" * 400])
@pytest.mark.parametrize("depth", [500, 1_000, 1_019])
def test_a_message_that_breaks_the_emulator_costs_one_call(
    emulator: Emulator, depth: int, width: int, bits: str
) -> None:
    with pytest.raises(EmulatorError, match="broke down"):
        give(emulator, b"\x77" * 32, deep(depth, width, bits))
    assert read_account(give(emulator, b"\x77" * 32).shard_account).balance == 10**9


def test_an_account_deeper_than_the_interpreter_recurses_is_read() -> None:
    assert decode(encode(deep(1_000)).decode()).hash == deep(1_000).hash


@pytest.mark.parametrize("text", ["", "no base64!", base64.b64encode(b"no bag").decode()])
def test_an_answer_that_is_no_cell_is_an_error_of_ours(text: str) -> None:
    with pytest.raises(EmulatorError, match="no cell"):
        decode(text)


@pytest.mark.parametrize("config", [b"", b"AAAA", b"!", encode(Cell(bitarray("0"), []))])
def test_what_is_no_configuration_is_refused(emulator: Emulator, config: bytes) -> None:
    with pytest.raises(EmulatorError, match=r"configuration|broke down"):
        emulator.execute(config, NO_ACCOUNT, gift(b"\x77" * 32), **MOMENT)
    assert read_account(give(emulator, b"\x77" * 32).shard_account).balance == 10**9


@pytest.mark.parametrize("moment", [{"lt": 2**70}, {"lt": -1}, {"unixtime": 2**40}, {"random_seed": b"short"}])
def test_impossible_circumstances_are_an_error_of_ours(emulator: Emulator, moment: dict[str, Any]) -> None:
    with pytest.raises(EmulatorError, match="did not answer"):
        emulator.execute(CONFIG, NO_ACCOUNT, gift(b"\x77" * 32), **{**MOMENT, **moment})


class Ruin:
    """What is left of the emulator's instance after a contract filled its stack, as far as Python can see."""

    def __init__(self, answer: Callable[[], bytes]) -> None:
        self._answer = answer

    def call_with_text(self, *_: object) -> int:
        return 1

    def call_with_texts(self, *_: object) -> bytes:
        return self._answer()


def failing(problem: Exception) -> Callable[[], bytes]:
    def fail() -> bytes:
        raise problem

    return fail


@pytest.mark.parametrize(
    "answer",
    [
        lambda: b"\xff no text",
        lambda: b"{",
        lambda: b"7",
        lambda: b'{"output": 7}',
        lambda: b'{"fail": true, "message": "told so"}',
        failing(RuntimeError("memory that cannot be reached")),
        failing(IndexError("a place that is not there")),
        failing(wasmtime.WasmtimeError("")),
    ],
)
def test_however_a_ruin_answers_it_is_an_error_of_ours(emulator_cache: Path, answer: Callable[[], bytes]) -> None:
    emulator = Emulator.load(emulator_cache)
    whole = emulator._instance
    emulator._instance = Ruin(answer)  # type: ignore[assignment]
    with pytest.raises(EmulatorError):
        give(emulator, b"\x77" * 32)
    if isinstance(emulator._instance, Ruin):  # it spoke clearly, so it was kept
        emulator._instance = whole
        emulator._handles.clear()
    assert read_account(give(emulator, b"\x77" * 32).shard_account).balance == 10**9


def test_what_does_not_succeed_leaves_no_memory_behind(emulator_cache: Path) -> None:
    emulator = Emulator.load(emulator_cache)
    message = Cell.one_from_boc(PublicWallet().transfer(0, PublicWallet(b"other").address, 1))

    def fail(times: int) -> int:
        for _ in range(times):
            emulator.execute(CONFIG, NO_ACCOUNT, message, **MOMENT)
        return emulator.memory_bytes

    assert fail(300) == fail(300)


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
