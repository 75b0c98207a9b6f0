"""C++ exceptions for the emulator, as a small WebAssembly module that is written here.

The emulator was compiled for a JavaScript host: it asks its host to throw and catch for it, thousands of times a
transaction, through the imports `invoke_…` and `___cxa_…`. Done in Python that takes half a second a transaction; done
with WebAssembly's own exceptions, three milliseconds.
Source of what each import must do: Emscripten's libexceptions.js, whose record of an exception lies 24 bytes before it:
type at 4, destructor at 8, caught at 12, rethrown at 13, adjusted pointer at 16.

The emulator imports this module and this module needs the emulator's memory and functions. So this one is made first,
with a table of functions that `TABLE` names, and the table is filled when the emulator exists.
"""

import re
from collections.abc import Iterable, Mapping

from wasmtime import FuncType

TABLE = "functions"

# What the module calls in the emulator, each by its place behind the emulator's own functions in the table.
EMULATOR_FUNCTIONS = {
    "stack": ("_emscripten_stack_get_current", "(result i32)"),
    "set_stack": ("__emscripten_stack_restore", "(param i32)"),
    "set_threw": ("_setThrew", "(param i32 i32)"),
    "set_type": ("__emscripten_tempret_set", "(param i32)"),
    "can_catch": ("___cxa_can_catch", "(param i32 i32 i32) (result i32)"),
    "pointer_of": ("___cxa_get_exception_ptr", "(param i32) (result i32)"),
    "hold": ("___cxa_increment_exception_refcount", "(param i32)"),
    "release": ("___cxa_decrement_exception_refcount", "(param i32)"),
}
MEMORY_FUNCTIONS = {
    "load": ("(param i32) (result i32)", "(i32.load (local.get 0))"),
    "store": ("(param i32 i32)", "(i32.store (local.get 0) (local.get 1))"),
    "load_byte": ("(param i32) (result i32)", "(i32.load8_u (local.get 0))"),
    "store_byte": ("(param i32 i32)", "(i32.store8 (local.get 0) (local.get 1))"),
    "store_long": ("(param i32 i64)", "(i64.store (local.get 0) (local.get 1))"),
}
MEMORY_MODULE = (
    '(module (import "emulator" "memory" (memory 0))'
    + "".join(f'(func (export "{name}") {kind} {body})' for name, (kind, body) in MEMORY_FUNCTIONS.items())
    + ")"
)

_BODY = """
  (memory 1)  ;; the stack of exceptions being handled, growing upwards
  (tag $thrown)
  (global $handled (mut i32) (i32.const 0))  ;; the top of that stack
  (global $newest (mut i32) (i32.const 0))  ;; the exception on its way
  (global $uncaught (mut i32) (i32.const 0))  ;; how many are on their way
  (global $nanoseconds (mut i64) (i64.const 0))

  (func $push (param $exception i32)
    (i32.store (global.get $handled) (local.get $exception))
    (global.set $handled (i32.add (global.get $handled) (i32.const 4))))
  (func $pop (result i32)
    (if (i32.eqz (global.get $handled)) (then unreachable))
    (global.set $handled (i32.sub (global.get $handled) (i32.const 4)))
    (i32.load (global.get $handled)))
  (func $record (param $exception i32) (result i32) (i32.sub (local.get $exception) (i32.const 24)))
  (func $count_uncaught (param $change i32)
    (global.set $uncaught (i32.add (global.get $uncaught) (local.get $change))))

  (func (export "___cxa_throw") (param $exception i32) (param $type i32) (param $destructor i32) (local $record i32)
    (local.set $record (call $record (local.get $exception)))
    (call $store (i32.add (local.get $record) (i32.const 16)) (i32.const 0))
    (call $store (i32.add (local.get $record) (i32.const 4)) (local.get $type))
    (call $store (i32.add (local.get $record) (i32.const 8)) (local.get $destructor))
    (global.set $newest (local.get $exception))
    (call $count_uncaught (i32.const 1))
    (throw $thrown))
  (func (export "___cxa_rethrow") (local $exception i32) (local $record i32)
    (local.set $exception (call $pop))
    (local.set $record (call $record (local.get $exception)))
    (if (i32.eqz (call $load_byte (i32.add (local.get $record) (i32.const 13)))) (then
      (call $push (local.get $exception))
      (call $store_byte (i32.add (local.get $record) (i32.const 13)) (i32.const 1))
      (call $store_byte (i32.add (local.get $record) (i32.const 12)) (i32.const 0))
      (call $count_uncaught (i32.const 1))))
    (global.set $newest (local.get $exception))
    (throw $thrown))
  (func (export "___resumeException") (param $exception i32)
    (if (i32.eqz (global.get $newest)) (then (global.set $newest (local.get $exception))))
    (throw $thrown))
  (func (export "___cxa_begin_catch") (param $exception i32) (result i32) (local $record i32)
    (local.set $record (call $record (local.get $exception)))
    (if (i32.eqz (call $load_byte (i32.add (local.get $record) (i32.const 12)))) (then
      (call $store_byte (i32.add (local.get $record) (i32.const 12)) (i32.const 1))
      (call $count_uncaught (i32.const -1))))
    (call $store_byte (i32.add (local.get $record) (i32.const 13)) (i32.const 0))
    (call $push (local.get $exception))
    (call $hold (local.get $exception))
    (call $pointer_of (local.get $exception)))
  (func (export "___cxa_end_catch")
    (call $set_threw (i32.const 0) (i32.const 0))
    (call $release (call $pop))
    (global.set $newest (i32.const 0)))
  (func (export "___cxa_uncaught_exceptions") (result i32) (global.get $uncaught))
  (func (export "_llvm_eh_typeid_for") (param $type i32) (result i32) (local.get $type))
  ;; A clock of its own, one microsecond a look: executing the same twice must be the same.
  (func (export "_clock_time_get") (param i32 i64) (param $result i32) (result i32)
    (global.set $nanoseconds (i64.add (global.get $nanoseconds) (i64.const 1000)))
    (call $store_long (local.get $result) (global.get $nanoseconds))
    (i32.const 0))
"""

_FIND_CATCH = """
  (func (export "{name}") {parameters} (result i32) (local $record i32) (local $type i32)
    (if (i32.eqz (global.get $newest)) (then (call $set_type (i32.const 0)) (return (i32.const 0))))
    (local.set $record (call $record (global.get $newest)))
    (call $store (i32.add (local.get $record) (i32.const 16)) (global.get $newest))
    (local.set $type (call $load (i32.add (local.get $record) (i32.const 4))))
    (if (i32.eqz (local.get $type)) (then (call $set_type (i32.const 0)) (return (global.get $newest))))
    {tests}
    (call $set_type (local.get $type))
    (global.get $newest))
"""
_FIND_CATCH_TEST = """
    (if (i32.or (i32.eqz (local.get {number})) (i32.eq (local.get {number}) (local.get $type)))
      (then (call $set_type (local.get $type)) (return (global.get $newest))))
    (if (call $can_catch (local.get {number}) (local.get $type) (i32.add (local.get $record) (i32.const 16)))
      (then (call $set_type (local.get {number})) (return (global.get $newest))))
"""
_INVOKE = """
  (type ${name} (func {inner_parameters} {result}))
  (func (export "{name}") {parameters} {result} (local $stack i32)
    (local.set $stack (call $stack))
    (block $caught (try_table (catch $thrown $caught)
      {arguments} (call_indirect $functions (type ${name}) (local.get 0)) (return)))
    (call $set_stack (local.get $stack))
    (call $set_threw (i32.const 1) (i32.const 0))
    {nothing})
"""


def copy_table_module(functions: int) -> str:
    """A module whose `copy` puts the emulator's `functions` into our table."""
    return (
        f'(module (import "ours" "{TABLE}" (table $ours 0 funcref)) (import "emulator" "table" (table $its 0 funcref))'
        f' (func (export "copy") (table.copy $ours $its (i32.const 0) (i32.const 0) (i32.const {functions}))))'
    )


def slots(functions: int) -> dict[str, int]:
    """Where the functions that the module calls stand in its table, behind the emulator's own `functions`."""
    return {name: functions + place for place, name in enumerate([*EMULATOR_FUNCTIONS, *MEMORY_FUNCTIONS])}


def exceptions_module(imports: Mapping[str, FuncType], functions: int) -> str:
    """The module's text. `imports`: all that the emulator imports, of which it exports what it can serve."""
    place_of = slots(functions)
    parts = [f'(module (table $functions (export "{TABLE}") {functions + len(place_of)} funcref)']
    kinds = {name: kind for name, (_, kind) in EMULATOR_FUNCTIONS.items()}
    kinds |= {name: kind for name, (kind, _) in MEMORY_FUNCTIONS.items()}
    for name, place in place_of.items():
        parts.append(_calling(name, kinds[name], place))
    parts.append(_BODY)
    for name, kind in imports.items():
        if name.startswith("___cxa_find_matching_catch_"):
            parts.append(_find_catch(name, len(kind.params)))
        elif name.startswith("invoke_"):
            parts.append(_invoke(name, [str(p) for p in kind.params], [str(r) for r in kind.results]))
    return "".join([*parts, ")"])


def served(text: str, imports: Iterable[str]) -> set[str]:
    """Those `imports` that the module of this `text` exports."""
    return set(re.findall(r'\(func \(export "(\w+)"\)', text)) & set(imports)


def _calling(name: str, kind: str, place: int) -> str:
    parameters = re.search(r"\(param ([^)]*)\)", kind)
    count = len(parameters[1].split()) if parameters else 0
    return f"(func ${name} {kind} (call_indirect $functions {kind} {_gets(0, count)} (i32.const {place})))"


def _find_catch(name: str, count: int) -> str:
    tests = "".join(_FIND_CATCH_TEST.format(number=number) for number in range(count))
    return _FIND_CATCH.format(name=name, parameters="(param i32)" * count, tests=tests)


def _invoke(name: str, parameters: list[str], results: list[str]) -> str:
    return _INVOKE.format(
        name=name,
        parameters="".join(f"(param {kind})" for kind in parameters),
        inner_parameters="".join(f"(param {kind})" for kind in parameters[1:]),
        result="".join(f"(result {kind})" for kind in results),
        arguments=_gets(1, len(parameters)),
        nothing="".join(f"({kind}.const 0)" for kind in results),
    )


def _gets(first: int, end: int) -> str:
    return " ".join(f"(local.get {number})" for number in range(first, end))
