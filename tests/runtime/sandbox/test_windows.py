"""The half of the Windows sandbox that can be tested elsewhere: what it would hand to Windows, byte by byte."""

import ctypes
import struct
from pathlib import Path

import pytest

from mulberry.cli.sandbox import in_lines
from mulberry.runtime.sandbox import windows
from mulberry.runtime.sandbox.choose import candidates
from mulberry.runtime.sandbox.provider import Limits, Room, Tier
from mulberry.runtime.sandbox.words import none_to_try


def test_the_limits_lie_where_windows_looks_for_them() -> None:
    """Offsets of JOBOBJECT_EXTENDED_LIMIT_INFORMATION, from winnt.h on x64."""
    limits = windows.extended_limits(Limits(memory_bytes=123 << 20))
    assert len(limits) == 144
    assert struct.unpack_from("=I", limits, 16)[0] == 0x2000 | 0x8 | 0x200 | 0x400  # LimitFlags
    assert struct.unpack_from("=I", limits, 40)[0] == 1  # ActiveProcessLimit
    assert struct.unpack_from("=Q", limits, 120)[0] == 123 << 20  # JobMemoryLimit


@pytest.mark.skipif(ctypes.sizeof(ctypes.c_void_p) != 8, reason="64 bits")
def test_structures_have_windows_sizes() -> None:
    assert ctypes.sizeof(windows.SecurityCapabilities) == 24
    assert ctypes.sizeof(windows.StartupInfo) == 112
    assert ctypes.sizeof(windows.ProcessInformation) == 24


def test_the_environment_is_one_block() -> None:
    assert windows.environment_block({"b": "2", "A": "1"}) == "A=1\0b=2\0\0"
    for wrong in ({"": "x"}, {"A=B": "x"}, {"A": "x\0C=evil"}):
        with pytest.raises(ValueError, match="cannot be said"):
            windows.environment_block(wrong)


def test_only_code_and_model_can_be_read_and_nothing_written() -> None:
    room = Room(Path("/models/tiny"))
    commands = windows.grants(room, "S-1-15-2-1")
    assert [command[1] for command in commands] == [*map(str, room.code), "/models/tiny"]
    assert all(command[3] == "*S-1-15-2-1:(OI)(CI)RX" for command in commands)


def test_it_is_not_offered_before_somebody_has_run_it() -> None:
    assert Tier.APP_CONTAINER not in {sandbox.tier for sandbox in candidates()}
    assert "not yet run" in Tier.APP_CONTAINER
    assert "nobody has run it on Windows yet" in none_to_try("win32")
    assert list(in_lines(()))[1:] == ["No sandbox holds here, so no strangers' jobs run. The demo network still works."]
