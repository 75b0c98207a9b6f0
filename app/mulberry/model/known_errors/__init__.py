"""Errors of the confidential stack: what each number means, what its owner can do, and whose turn it is.

A face never shows a bare number. Where a library, a driver or a service gives one, `explain` gives the words; of a
number that is in no table it says so, and where its maker explains it. The tables name their sources.
"""

from collections.abc import Iterator, Mapping

from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.gpu import DriverState, GpuCondition
from mulberry.model.known_errors import intel, nvidia, quoting, tpm
from mulberry.model.known_errors.nouns import Code, KnownError, Stack
from mulberry.model.language import tr

__all__ = ["TABLES", "Code", "KnownError", "Stack", "documentation", "explain", "of_condition", "of_driver", "to_error"]

TABLES: Mapping[Stack, Mapping[Code, KnownError]] = {
    Stack.NVML: nvidia.NVML,
    Stack.NVIDIA_REFERENCES: nvidia.REFERENCES,
    Stack.NVIDIA_REVOCATION: nvidia.REVOCATION,
    Stack.NVIDIA_VERIFIER: nvidia.VERIFIER,
    Stack.QUOTING: quoting.QUOTING,
    Stack.COLLATERAL: intel.COLLATERAL,
    Stack.TDX_LIBRARY: intel.TDX_LIBRARY,
    Stack.TDX_GUEST: intel.TDX_GUEST,
    Stack.TSM: intel.TSM,
    Stack.SGX: intel.SGX,
    Stack.PCCS: intel.PCCS,
    Stack.PCS: intel.PCS,
    Stack.TPM: tpm.TPM,
}

DOCUMENTATION = {
    Stack.NVML: tr("NVIDIA's NVML API reference (nvmlReturn_t)"),
    Stack.NVIDIA_REFERENCES: tr("NVIDIA's documentation of its RIM service"),
    Stack.NVIDIA_REVOCATION: tr("NVIDIA's documentation of its OCSP service"),
    Stack.NVIDIA_VERIFIER: tr("NVIDIA's documentation of its remote attestation service"),
    Stack.TSM: tr("Linux's documentation of configfs-tsm-report"),
    Stack.TPM: tr("The TPM 2.0 Library specification, part 2 (TPM_RC)"),
}
INTELS = tr("Intel's documentation of SGX and TDX DCAP")


def explain(stack: Stack, code: Code) -> KnownError:
    """What `code` of `stack` means. Of a code in no table: words that say so, with the code as what to search for."""
    known = TABLES[stack].get(tpm.without_place(code) if stack is Stack.TPM and isinstance(code, int) else code)
    if known is not None:
        return known
    shown = f"{code:#x}" if isinstance(code, int) and stack.is_hexadecimal else str(code)
    return KnownError(
        name="",
        cause=tr("{stack} gave an error that Mulberry does not know ({code}).", stack=stack.value, code=shown[:40]),
        next_step=tr("{documentation} explains it. Then try again.", documentation=DOCUMENTATION.get(stack, INTELS)),
        whose_turn=WhoseTurn.YOU,
    )


def to_error(what: str, stack: Stack, code: Code, detail: str = "") -> UserFacingError:
    """For whoever raises: `what` failed, a sentence, because of `code`."""
    known = explain(stack, code)
    step = f"{known.next_step} `{known.command}`" if known.command else known.next_step
    shown = known.name or f"{stack}: {code}"
    return UserFacingError(what, known.cause, step, known.whose_turn, detail or shown)


def documentation() -> Iterator[str]:
    """docs/known-errors.md, line by line: what means the same stands in one row."""
    for stack, table in TABLES.items():
        yield from ("", f"## {stack}", "", "| code | means | what helps | whose turn |", "|---|---|---|---|")
        rows: dict[tuple[str, str, str, WhoseTurn], list[str]] = {}
        for code, known in table.items():
            shown = f"{code:#x}" if isinstance(code, int) and stack.is_hexadecimal else str(code)
            named = f"`{shown}` {known.name}" if known.name != shown else f"`{shown}`"
            rows.setdefault((known.cause, known.next_step, known.command, known.whose_turn), []).append(named)
        for (cause, next_step, command, turn), codes in rows.items():
            helps = f"{next_step} `{command.replace('|', chr(92) + '|')}`" if command else next_step
            yield f"| {'<br>'.join(codes)} | {cause} | {helps} | {turn.partition(':')[0]} |"


def of_condition(condition: GpuCondition) -> KnownError:
    """Why a GPU cannot be relied on. Not of one that works."""
    command = nvidia.COMMANDS[condition]
    return KnownError("", condition.problem or "", condition.next_step, WhoseTurn.YOU, command)


def of_driver(state: DriverState) -> KnownError:
    """Why there is no GPU, by the driver's state."""
    return nvidia.DRIVER_STATES[state]
