"""Seccomp: the system calls that this process and all its threads give up, as a filter the kernel runs at each call.

Source: the kernel's `linux/seccomp.h`, `linux/bpf_common.h`. The filter is classic BPF, made of one block for each
system call; a block that does not concern the call at hand is jumped over.
"""

import ctypes
import errno
import platform
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from mulberry.runtime.child.confinement.system import ConfinementFailed, system_call

SET_MODE_FILTER = 1
ALL_THREADS = 1  # SECCOMP_FILTER_FLAG_TSYNC
INSTRUCTIONS_LIMIT = 4096  # the kernel's
LOAD, AND, RETURN = 0x20, 0x54, 0x06
JUMP_EQUAL, JUMP_AT_LEAST = 0x15, 0x35
NUMBER_AT, ARCHITECTURE_AT, ARGUMENTS_AT = 0, 4, 16  # in `struct seccomp_data`
X32_BIT = 0x4000_0000  # a second table of system calls on x86-64, which no filter means
NEWEST_CALL = 451  # of those that the table was made with; later ones have the same number on all processors
ALL_BITS = 0xFFFF_FFFF


class Verdict(Enum):
    """What the kernel does with a call. Refusals are errors, not deaths: libraries try things and go on without."""

    ALLOW = 0x7FFF_0000
    REFUSE = 0x0005_0000 | errno.EPERM
    UNKNOWN = 0x0005_0000 | errno.ENOSYS  # as if the kernel did not have it; callers then fall back
    KILL = 0x8000_0000


@dataclass(frozen=True, slots=True)
class Test:
    """`argument & mask == value`, of the lower or the upper 32 bits of an argument."""

    argument: int
    value: int
    mask: int = ALL_BITS
    upper: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """`verdict` for the system call of this name. `tests` is a choice of conditions, one of which must hold whole;
    where none does, the verdict is `REFUSE`. Without any it always holds."""

    name: str
    verdict: Verdict = Verdict.ALLOW
    tests: tuple[tuple[Test, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Machine:
    """A processor's name in the audit headers, and its numbers for system calls. None: it has no such call."""

    architecture: int
    numbers: dict[str, int | None]


def machine() -> Machine:
    """This computer's. Raises `ConfinementFailed`: we have no table for its processor."""
    from mulberry.runtime.child.confinement.calls import MACHINES

    name = platform.machine()
    if name not in MACHINES:
        raise ConfinementFailed(f"no table of system calls for the processor {name}")
    return MACHINES[name]


def compile_filter(rules: Iterable[Rule], otherwise: Verdict, on: Machine) -> bytes:
    """The filter's instructions, 8 bytes each. Raises `KeyError` for a call that the table does not name."""
    program = [
        _instruction(LOAD, ARCHITECTURE_AT),
        _instruction(JUMP_EQUAL, on.architecture, if_true=1),
        _return(Verdict.KILL),
        _instruction(LOAD, NUMBER_AT),
        _instruction(JUMP_AT_LEAST, X32_BIT, if_false=1),
        _return(Verdict.KILL),
        _instruction(JUMP_AT_LEAST, NEWEST_CALL + 1, if_false=1),
        _return(Verdict.UNKNOWN),  # nobody has judged it; libraries fall back
    ]
    for rule in rules:
        number = on.numbers[rule.name]
        if number is not None:
            block = _block(rule)
            program += [_instruction(JUMP_EQUAL, number, if_false=len(block)), *block]
    program.append(_return(otherwise))
    if len(program) > INSTRUCTIONS_LIMIT:
        raise ConfinementFailed("the filter is longer than the kernel takes")
    return b"".join(program)


def give_up_calls(program: bytes, on: Machine) -> None:
    """For every thread. Needs `no_new_privs`. Raises `ConfinementFailed`."""
    number = on.numbers["seccomp"]
    if number is None:
        raise ConfinementFailed("no number for seccomp itself")
    instructions = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("@HP", len(program) // 8, ctypes.addressof(instructions))
    try:
        out_of_step = system_call(
            number, SET_MODE_FILTER, ALL_THREADS, ctypes.create_string_buffer(described, len(described))
        )
    except OSError as problem:
        raise ConfinementFailed(f"seccomp: {problem}") from problem
    if out_of_step:
        raise ConfinementFailed(f"seccomp: thread {out_of_step} did not take the filter")


def _block(rule: Rule) -> list[bytes]:
    """Always ends in a verdict, so nothing after it need load the call's number again."""
    if not rule.tests:
        return [_return(rule.verdict)]
    block: list[bytes] = []
    for choice in rule.tests:
        block += _choice(choice, rule.verdict)
    return [*block, _return(Verdict.REFUSE)]


def _choice(tests: tuple[Test, ...], verdict: Verdict) -> list[bytes]:
    """Falls through to the next choice when a test does not hold."""
    instructions: list[bytes] = []
    for number, test in enumerate(tests):
        to_the_end = 3 * (len(tests) - number - 1) + 1  # over the tests after this one, and the verdict
        instructions.append(_instruction(LOAD, ARGUMENTS_AT + 8 * test.argument + 4 * test.upper))
        instructions.append(_instruction(AND, test.mask))
        instructions.append(_instruction(JUMP_EQUAL, test.value, if_false=to_the_end))
    return [*instructions, _return(verdict)]


def _return(verdict: Verdict) -> bytes:
    return _instruction(RETURN, verdict.value)


def _instruction(code: int, value: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
