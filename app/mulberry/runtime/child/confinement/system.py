"""What Python's standard library has no words for: plain system calls, prctl, and how their failures are told."""

import ctypes
import os
from functools import cache

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38


class ConfinementFailed(Exception):
    """The process could not give up what it must not have. It must end."""


def system_call(number: int, *arguments: int | ctypes.Array[ctypes.c_char] | None) -> int:
    """Raises `OSError`. A number stands for a register, an array for its address."""
    passed = [_register(argument) for argument in arguments]
    result: int = _libc().syscall(ctypes.c_long(number), *passed)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def set_process_flag(flag: int, value: int) -> None:
    """`prctl` with one argument. Raises `ConfinementFailed`."""
    if _libc().prctl(flag, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)) != 0:
        raise ConfinementFailed(f"prctl {flag}: {os.strerror(ctypes.get_errno())}")


def _register(argument: int | ctypes.Array[ctypes.c_char] | None) -> ctypes.c_long | ctypes.c_void_p:
    if isinstance(argument, int):
        return ctypes.c_long(argument)
    return ctypes.cast(argument, ctypes.c_void_p) if argument is not None else ctypes.c_void_p()


@cache
def _libc() -> ctypes.CDLL:
    """When it is needed: this module is imported on systems that have none, too."""
    return ctypes.CDLL(None, use_errno=True)
