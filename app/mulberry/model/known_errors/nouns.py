"""What is known of one error."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from mulberry.model.errors import WhoseTurn

Code = int | str


class Stack(StrEnum):
    """Who gives a code, in words that begin a sentence. Codes of different stacks may be the same number."""

    NVML = "NVIDIA's driver"
    NVIDIA_REFERENCES = "NVIDIA's service for reference measurements"  # RIM, HTTP status
    NVIDIA_REVOCATION = "NVIDIA's revocation service"  # OCSP, its words
    NVIDIA_VERIFIER = "NVIDIA's remote attestation service"  # NRAS, HTTP status
    QUOTING = "Intel's quoting library"  # quote3_error_t
    COLLATERAL = "Intel's collateral library"  # sgx_qcnl_error_t
    TDX_LIBRARY = "Intel's TDX attestation library"  # tdx_attest_error_t
    TDX_GUEST = "The TDX host"  # status of TDG.VP.VMCALL<GetQuote>
    TSM = "The kernel's report interface"  # errno
    SGX = "Intel's SGX runtime"  # sgx_status_t
    PCCS = "The local certificate cache (PCCS)"  # HTTP status
    PCS = "Intel's certificate service (PCS)"  # HTTP status
    TPM = "The TPM"  # TPM_RC

    @property
    def is_hexadecimal(self) -> bool:
        """Whether its makers write its numbers so."""
        return self in (Stack.QUOTING, Stack.COLLATERAL, Stack.TDX_LIBRARY, Stack.TDX_GUEST, Stack.SGX, Stack.TPM)


@dataclass(frozen=True, slots=True)
class KnownError:
    """`name` as its makers write it, "" of an unknown one; `cause` and `next_step` are sentences; `command` may be
    typed as it stands, and is "" where none helps."""

    name: str
    cause: str
    next_step: str
    whose_turn: WhoseTurn
    command: str = ""


def alike(
    names: Mapping[int, str], cause: str, next_step: str, turn: WhoseTurn, command: str = ""
) -> Mapping[Code, KnownError]:
    """Several codes with one cause and one way out."""
    return {code: KnownError(name, cause, next_step, turn, command) for code, name in names.items()}


def table_of(*groups: Mapping[Code, KnownError]) -> Mapping[Code, KnownError]:
    """All groups in one. Raises `ValueError`: a code stands in two."""
    table: dict[Code, KnownError] = {}
    for group in groups:
        if twice := table.keys() & group.keys():
            raise ValueError(f"codes {sorted(map(str, twice))} stand twice in a table")
        table |= group
    return table
