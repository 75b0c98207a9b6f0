"""TON's own transaction executor, compiled to WebAssembly and run by wasmtime. It is vendored: resources/emulator/.

It speaks in C strings: base64 of bags of cells, and JSON. What it answers is trusted; what it executes is not, and a
contract that breaks it (deep recursion ends the instance) costs that one call and a fresh instance.
"""

import base64
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import wasmtime
from pytoniq_core.boc.cell import Cell

from mulberry.model.places import resource
from mulberry.ton.boc import write_boc
from mulberry.ton.chain.bags import BadBag, read_bag
from mulberry.ton.emulator import exceptions
from mulberry.ton.emulator.cache import LoadProgress, compiled_module, make_engine
from mulberry.ton.emulator.host import Host, HostRefusedError

Exported = TypeVar("Exported", wasmtime.Func, wasmtime.Memory, wasmtime.Table)

METHOD_GAS_LIMIT = 1_000_000
KEPT_CONFIGS = 8
NO_RANDOMNESS = bytes(32)
MAX_ANSWER_CELLS = 100_000
ERROR_TEXT_LIMIT = 200

# A contract that fills the emulator's stack leaves it in ruins: it traps or gives up, or it tells of memory, numbers
# and texts that are not there, which Python finds out.
BREAKDOWNS = (
    wasmtime.WasmtimeError,
    wasmtime.Trap,
    HostRefusedError,
    RuntimeError,
    ValueError,
    LookupError,
    TypeError,
    OverflowError,
    MemoryError,
    struct.error,
)


class EmulatorError(Exception):
    """The emulator could not even try. Its message says what it said."""


@dataclass(frozen=True, slots=True)
class Executed:
    """A transaction that took place."""

    transaction: Cell
    shard_account: Cell  # the account afterwards


@dataclass(frozen=True, slots=True)
class NotAccepted:
    """No transaction: the account takes no such external message."""

    reason: str
    exit_code: int | None


@dataclass(frozen=True, slots=True)
class Returned:
    """What a get method left."""

    exit_code: int
    stack: bytes  # a bag of one VmStack


class Emulator:
    """Executes transactions and get methods. One may serve any number of chains, one call at a time."""

    def __init__(self, engine: wasmtime.Engine, module: wasmtime.Module, description: dict[str, Any]) -> None:
        self._engine = engine
        self._module = module
        self._imports: dict[str, str] = description["imports"]
        self._exports: dict[str, str] = description["exports"]
        self._instance = _Instance(engine, module, self._imports, self._exports)
        self._handles: dict[bytes, int] = {}  # what the emulator made of each config, the longest unused first

    @classmethod
    def load(cls, cache_folder: Path, on_progress: Callable[[LoadProgress], None] = lambda _: None) -> "Emulator":
        """Compiles on the first start (seconds, in a child; `on_progress` twice a second), then reads its cache.

        Blocks: call it through `asyncio.to_thread`.
        """
        engine = make_engine()
        module = compiled_module(engine, resource("emulator/emulator.wasm"), cache_folder, on_progress)
        return cls(engine, module, json.loads(resource("emulator/emulator.json").read_text()))

    @property
    def version(self) -> str:
        """The commit of TON's sources that it was compiled from."""
        about = json.loads(self._instance.text_at(self._instance.call("_version")))
        return str(about["emulatorLibCommitHash"])

    @property
    def memory_bytes(self) -> int:
        """How much memory the running instance has taken."""
        return self._instance.memory_bytes

    def execute(
        self,
        config: bytes,
        shard_account: Cell,
        message: Cell,
        *,
        unixtime: int,
        lt: int,
        random_seed: bytes,
        any_signature: bool = False,
    ) -> Executed | NotAccepted:
        """One transaction. `config`: base64 of the configuration dictionary's bag. Raises `EmulatorError`.

        `any_signature`: the contract finds every signature right.
        """
        parameters = {
            "utime": unixtime,
            "lt": str(lt),
            "rand_seed": random_seed.hex(),
            "ignore_chksig": any_signature,
            "debug_enabled": False,
        }
        arguments = [encode(shard_account), encode(message), json.dumps(parameters).encode()]
        output = self._ask("_emulate_with_emulator", lambda: [self._handle(config), 0], arguments)
        if not output["success"]:
            return NotAccepted(output.get("error") or "not accepted", output.get("vm_exit_code"))
        return Executed(decode(output["transaction"]), decode(output["shard_account"]))

    def run_method(
        self,
        config: bytes,
        code: Cell,
        data: Cell,
        *,
        address: str,
        method: int,
        stack: Cell,
        unixtime: int,
        balance: int,
    ) -> Returned:
        """Calls a get method. `address` in raw form; `stack`: a VmStack. Raises `EmulatorError`."""
        parameters = {
            "code": encode(code).decode(),
            "data": encode(data).decode(),
            "verbosity": 0,
            "libs": "",
            "address": address,
            "unixtime": unixtime,
            "balance": str(balance),
            "rand_seed": NO_RANDOMNESS.hex(),
            "gas_limit": str(METHOD_GAS_LIMIT),
            "method_id": method,
            "debug_enabled": False,
        }
        output = self._ask("_run_get_method", list, [json.dumps(parameters).encode(), encode(stack), config])
        if not output["success"]:
            raise EmulatorError(output.get("error", "no reason given"))
        return Returned(output["vm_exit_code"], base64.b64decode(output["stack"]))

    def _ask(self, function: str, numbers: Callable[[], list[int]], texts: list[bytes]) -> dict[str, Any]:
        """Raises `EmulatorError`, however it goes wrong."""
        try:
            answer = json.loads(self._instance.call_with_texts(function, numbers(), texts))
        except BREAKDOWNS as problem:
            self._begin_anew()
            raise EmulatorError(f"the emulator broke down: {_last_line(problem)}") from problem
        output = answer.get("output") if isinstance(answer, dict) else None
        if not isinstance(output, dict) or answer.get("fail"):
            self._begin_anew()
            raise EmulatorError(f"the emulator did not answer: {str(answer)[:ERROR_TEXT_LIMIT]}")
        return output

    def _begin_anew(self) -> None:
        """Nobody knows what an emulator still holds that did not answer as it should."""
        self._instance = _Instance(self._engine, self._module, self._imports, self._exports)
        self._handles.clear()

    def _handle(self, config: bytes) -> int:
        handle = self._handles.pop(config, None)
        if handle is None:
            handle = self._instance.call_with_text("_create_emulator", config, 0)
            if not handle:
                raise EmulatorError("the emulator does not take the configuration")
            if len(self._handles) >= KEPT_CONFIGS:
                self._instance.call("_destroy_emulator", self._handles.pop(next(iter(self._handles))))
        self._handles[config] = handle
        return handle


class _Instance:
    """One running copy of the module, with its memory."""

    def __init__(
        self, engine: wasmtime.Engine, module: wasmtime.Module, imports: dict[str, str], exports: dict[str, str]
    ) -> None:
        self._store = store = wasmtime.Store(engine)
        wanted = [(item.name, item.type) for item in module.imports]
        kinds = {imports[name]: kind for name, kind in wanted if name and isinstance(kind, wasmtime.FuncType)}
        functions = _table_size(module, exports["__indirect_function_table"])
        text = exceptions.exceptions_module(kinds, functions)
        served = exceptions.served(text, kinds)
        ours = wasmtime.Instance(store, wasmtime.Module(engine, text), []).exports(store)
        host = Host(store)
        given = [ours[name] if name in served else host.function(name, kind) for name, kind in kinds.items()]
        own = wasmtime.Instance(store, module, given).exports(store)
        self._exports = {name: own[letters] for name, letters in exports.items()}
        self._memory = self._exported("memory", wasmtime.Memory)
        host.attach(self._memory)
        table = ours[exceptions.TABLE]
        if not isinstance(table, wasmtime.Table):
            raise TypeError("the exceptions module has no table")
        self._connect(engine, table, functions)
        self.call("__wasm_call_ctors")

    def _connect(self, engine: wasmtime.Engine, table: wasmtime.Table, functions: int) -> None:
        """Gives the exceptions module the emulator's functions and access to its memory."""
        store = self._store
        copying = wasmtime.Module(engine, exceptions.copy_table_module(functions))
        its = self._exported("__indirect_function_table", wasmtime.Table)
        copy = wasmtime.Instance(store, copying, [table, its]).exports(store)["copy"]
        copy(store)  # type: ignore[operator]
        reading = wasmtime.Module(engine, exceptions.MEMORY_MODULE)
        access = wasmtime.Instance(store, reading, [self._memory]).exports(store)
        for name, place in exceptions.slots(functions).items():
            if name in exceptions.EMULATOR_FUNCTIONS:
                table.set(store, place, self._exports[exceptions.EMULATOR_FUNCTIONS[name][0]])
            else:
                table.set(store, place, access[name])

    @property
    def memory_bytes(self) -> int:
        return self._memory.data_len(self._store)

    def call(self, function: str, *arguments: int) -> int:
        result: int = self._exported(function, wasmtime.Func)(self._store, *arguments)
        return result

    def _exported(self, name: str, kind: type[Exported]) -> Exported:
        found = self._exports[name]
        if not isinstance(found, kind):
            raise TypeError(f"the emulator's {name} is no {kind.__name__}")
        return found

    def call_with_text(self, function: str, text: bytes, *numbers: int) -> int:
        """A call whose first argument is `text`."""
        pointer = self._put(text)
        try:
            return self.call(function, pointer, *numbers)
        finally:
            self.call("_free", pointer)

    def call_with_texts(self, function: str, numbers: list[int], texts: list[bytes]) -> bytes:
        """A call with `numbers`, then `texts`, that returns a text."""
        pointers = [self._put(text) for text in texts]
        result = self.call(function, *numbers, *pointers)
        text = self.text_at(result)
        for pointer in (*pointers, result):
            self.call("_free", pointer)
        return text

    def text_at(self, pointer: int) -> bytes:
        """The C string there."""
        chunk = 4096
        memory, end = self._memory, self._memory.data_len(self._store)
        found = bytearray()
        while pointer < end:
            part = memory.read(self._store, pointer, min(pointer + chunk, end))
            zero = part.find(0)
            if zero >= 0:
                return bytes(found + part[:zero])
            found += part
            pointer += len(part)
            chunk *= 2
        raise ValueError("a text without end")

    def _put(self, text: bytes) -> int:
        pointer = self.call("_malloc", len(text) + 1)
        self._memory.write(self._store, text + b"\0", pointer)
        return pointer


def _table_size(module: wasmtime.Module, name: str) -> int:
    for item in module.exports:
        if item.name == name and isinstance(item.type, wasmtime.TableType):
            return item.type.limits.min
    raise TypeError("the emulator has no table of functions")


def encode(cell: Cell) -> bytes:
    """Base64 of the cell's bag, as the emulator takes cells."""
    return base64.b64encode(write_boc(cell))


def decode(text: str) -> Cell:
    """The cell that the emulator wrote, of whatever depth. Raises `EmulatorError`."""
    try:
        return read_bag(base64.b64decode(text), roots=range(1, 2), max_cells=MAX_ANSWER_CELLS)[0]
    except (BadBag, ValueError) as problem:
        raise EmulatorError(f"the emulator's answer is no cell: {problem}") from problem


def _last_line(problem: BaseException) -> str:
    return next(reversed(str(problem).strip().splitlines()), type(problem).__name__)
