"""An owner who caps a GPU counts on it: no word may say that a cap is kept which is not, and no odd name may be run."""

import shlex
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.model.power_cap import (
    LEAST_CAP,
    MOST_CAP,
    NOT_TOLD,
    Keeping,
    PowerCap,
    PowerLimit,
    command_line,
    keeping,
    over_the_cap,
    setting_command,
    way_out,
)
from samples import RTX_4090

ROOM = (150_000, 600_000)  # of an RTX 4090, in milliwatts
CAP = PowerCap(RTX_4090.uuid, 300)


@pytest.mark.parametrize(
    ("watt", "limit", "expected"),
    [
        (300, PowerLimit(450_000, ROOM), Keeping.TO_BE_SET),
        (300, PowerLimit(300_001, ROOM), Keeping.TO_BE_SET),
        (300, PowerLimit(300_000, ROOM), Keeping.KEPT),
        (300, PowerLimit(300_000), Keeping.KEPT),
        (150, PowerLimit(450_000, ROOM), Keeping.TO_BE_SET),
        (149, PowerLimit(450_000, ROOM), Keeping.TOO_LOW),
        (80, PowerLimit(115_000), Keeping.FIXED),
        (300, NOT_TOLD, Keeping.UNKNOWN),
        (300, PowerLimit(0, ROOM), Keeping.UNKNOWN),  # no card runs on nothing: it says nothing
    ],
)
def test_a_cap_is_kept_by_the_drivers_limit_alone(watt: int, limit: PowerLimit, expected: Keeping) -> None:
    assert keeping(watt, limit) is expected


def test_what_is_not_kept_says_both_numbers_and_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    over = over_the_cap("RTX 4090", 300, PowerLimit(450_500, ROOM))
    assert over == "The driver lets RTX 4090 draw 450.5 W; you want at most 300 W."
    command = f"`sudo nvidia-smi -i {RTX_4090.uuid} -pl 300`"
    assert way_out(CAP, PowerLimit(450_000, ROOM)).startswith(f"Set it on the Hardware page, or with {command};")
    assert "takes no limit below 400 W" in way_out(CAP, PowerLimit(575_000, (400_000, 600_000)))
    assert "cannot be kept: on the Settings page choose 450 W or more" in way_out(CAP, PowerLimit(450_000))
    monkeypatch.setattr(sys, "platform", "win32")
    assert command_line(CAP) == f"nvidia-smi -i {RTX_4090.uuid} -pl 300"


def test_the_command_names_the_gpu_and_whole_watts() -> None:
    assert setting_command(CAP) == ("nvidia-smi", "-i", RTX_4090.uuid, "-pl", "300")


@pytest.mark.parametrize(
    "uuid",
    ["", "0", "GPU-1", f"{RTX_4090.uuid}\n", f"{RTX_4090.uuid};reboot", f" {RTX_4090.uuid}", "$(reboot)", "-r",
     RTX_4090.uuid.upper(), f"MIG-{RTX_4090.uuid[4:]}"],
)  # fmt: skip
def test_of_what_is_no_uuid_no_command_is_made(uuid: str) -> None:
    cap = PowerCap(uuid, 300)
    assert setting_command(cap) is None
    assert command_line(cap) == ""
    assert way_out(cap, PowerLimit(450_000, ROOM)) == "An administrator can change that with nvidia-smi."


@given(st.one_of(st.text(), st.from_regex("GPU-.*")), st.integers())
def test_whatever_a_driver_names_itself_nothing_is_run_that_a_shell_would_read_otherwise(uuid: str, watt: int) -> None:
    words = setting_command(PowerCap(uuid, watt))
    assert words is None or (shlex.join(words) == " ".join(words) and LEAST_CAP <= int(words[-1]) <= MOST_CAP)
