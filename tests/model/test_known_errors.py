"""A number says nothing to an owner: each that is known has a cause, a way out, and somebody whose turn it is."""

import errno
import re
from pathlib import Path

import pynvml
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.model.errors import WhoseTurn
from mulberry.model.gpu import DriverState, GpuCondition
from mulberry.model.known_errors import (
    TABLES,
    Code,
    KnownError,
    Stack,
    documentation,
    explain,
    of_condition,
    of_driver,
    to_error,
)
from mulberry.model.known_errors.nouns import alike, table_of

DOCUMENT = Path(__file__).parents[2] / "docs" / "known-errors.md"
ALL = [(stack, code) for stack, table in TABLES.items() for code in table]


def test_every_stack_has_a_table() -> None:
    assert set(TABLES) == set(Stack) and all(TABLES.values())
    assert len(ALL) >= 200


@pytest.mark.parametrize(("stack", "code"), ALL)
def test_every_known_error_says_what_and_what_now(stack: Stack, code: Code) -> None:
    known = explain(stack, code)
    assert known.name and known.cause.endswith(".") and known.next_step.endswith(".")
    assert known.cause[0].isupper() or known.cause.startswith("/etc/")
    for sentence in (known.cause, known.next_step):
        assert not re.search(r"0x[0-9a-fA-F]", sentence), "a bare number is shown"
        assert "TODO" not in sentence and "  " not in sentence
    assert "\n" not in known.command and not known.command.endswith(".")


@pytest.mark.parametrize(
    ("stack", "code", "name"),
    [
        # the two numbers that operators have asked about for years, and the ones that this code meets
        (Stack.QUOTING, 0xE019, "SGX_QL_NETWORK_ERROR"),
        (Stack.SGX, 0x2006, "SGX_ERROR_NO_DEVICE"),
        (Stack.QUOTING, 0xE011, "SGX_QL_NO_PLATFORM_CERT_DATA"),
        (Stack.COLLATERAL, 0xB006, "SGX_QCNL_NETWORK_COULDNT_CONNECT"),
        (Stack.TDX_LIBRARY, 0x8, "TDX_ATTEST_ERROR_QUOTE_FAILURE"),
        (Stack.TDX_GUEST, 0x8000000000000001, "GET_QUOTE_SERVICE_UNAVAILABLE"),
        (Stack.TSM, errno.ETIMEDOUT, "ETIMEDOUT"),
        (Stack.PCCS, 461, "PLATFORM_UNKNOWN"),
        (Stack.NVIDIA_REFERENCES, 404, "404 Not Found"),
        (Stack.TPM, 0x922, "TPM_RC_RETRY"),
    ],
)
def test_a_code_is_found_under_its_makers_name(stack: Stack, code: Code, name: str) -> None:
    assert explain(stack, code).name == name


def test_the_drivers_numbers_are_the_librarys_own() -> None:
    names = {name for name in dir(pynvml) if re.fullmatch(r"NVML_ERROR_[A-Z_]+", name)}
    ours = {known.name: code for code, known in TABLES[Stack.NVML].items()}
    assert {name: getattr(pynvml, name) for name in ours} == ours
    assert len(names - ours.keys()) <= 5, "NVML has learned many new errors"


def test_a_tpms_code_is_found_whichever_parameter_it_is_about() -> None:
    for code in (0x084, 0x1C4, 0x2C4, 0xB01C4):  # the last through Linux's resource manager
        assert explain(Stack.TPM, code).name == "TPM_RC_VALUE"
    assert explain(Stack.TPM, 0x98E).name == "TPM_RC_AUTH_FAIL"


@given(st.sampled_from(Stack), st.one_of(st.integers(-(2**70), 2**70), st.text(max_size=200)))
def test_an_unknown_code_is_said_to_be_unknown_and_where_it_is_explained(stack: Stack, code: Code) -> None:
    known = explain(stack, code)
    if known.name:
        return
    assert "does not know" in known.cause and "explains it" in known.next_step and known.whose_turn is WhoseTurn.YOU
    assert len(known.cause) < 200, "a stranger's text is cut"


def test_an_intel_number_is_written_as_intel_writes_it() -> None:
    assert "(0xe0aa)" in explain(Stack.QUOTING, 0xE0AA).cause
    assert "(599)" in explain(Stack.PCS, 599).cause


@pytest.mark.parametrize("state", DriverState)
def test_every_state_of_the_driver_has_words(state: DriverState) -> None:
    known = of_driver(state)
    assert known.cause and (known.next_step or state is DriverState.WORKS)


@pytest.mark.parametrize("condition", [each for each in GpuCondition if each is not GpuCondition.WORKS])
def test_every_gpu_in_trouble_has_words_and_a_way_out(condition: GpuCondition) -> None:
    known = of_condition(condition)
    assert known.cause and known.next_step and known.command
    assert condition.told == f"{known.cause} {known.next_step}"


@pytest.mark.parametrize(
    ("condition", "code"),
    [(GpuCondition.LOST, 15), (GpuCondition.RESET_NEEDED, 16), (GpuCondition.NOT_PERMITTED, 4)],
)
def test_the_advice_is_the_same_however_the_trouble_was_noticed(condition: GpuCondition, code: int) -> None:
    """By the driver's error, or by a GPU that it no longer lists."""
    known, told = explain(Stack.NVML, code), of_condition(condition)
    assert (told.next_step, told.command) == (known.next_step, known.command)


def test_an_error_for_its_owner_has_the_name_only_in_its_detail() -> None:
    error = to_error("No TDX quote was made.", Stack.TSM, errno.EACCES)
    assert error.detail == "EACCES" and "EACCES" not in str(error)
    assert "`ls -ld /sys/kernel/config/tsm/report`" in error.next_step


def test_the_documentation_is_the_table() -> None:
    """A docs/known-errors.md that is to change is written anew when its lines below the first heading are removed."""
    written = DOCUMENT.read_text(encoding="utf-8")
    introduction, _, tables = written.partition("\n\n## ")
    generated = "\n".join(documentation())
    if not tables:
        DOCUMENT.write_text(f"{introduction.rstrip()}\n{generated}\n", encoding="utf-8")
        pytest.fail("the tables were not there and have been written: read them")
    assert f"\n\n## {tables}" == f"\n{generated}\n"


def test_a_code_that_stands_twice_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="twice"):
        table_of(
            alike({1: "A"}, "One.", "Do.", WhoseTurn.YOU),
            alike({1: "B"}, "Two.", "Do.", WhoseTurn.YOU),
        )
    assert isinstance(table_of(alike({1: "A"}, "One.", "Do.", WhoseTurn.YOU))[1], KnownError)
