"""The way to a TPM: bytes to it, bytes from it. On Linux that is a device file of the kernel's resource manager.

Source: Linux, Documentation/security/tpm/tpm_tis.rst and the driver tpmrm0: a command is one write, its answer one
read; what a program leaves in the TPM goes when it closes the file. A call may hang as long as the TPM does.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from mulberry.attestation.tpm.wire import MOST_REPLY_BYTES
from mulberry.model.errors import UserFacingError
from mulberry.model.time_limit import NotAnsweringError, TimeLimit

RESOURCE_MANAGER = Path("/dev/tpmrm0")
TALK_SECONDS = 60.0  # a discrete TPM may take ten of them to make an RSA key

Value = TypeVar("Value")
Transmit = Callable[[bytes], bytes]  # a command in, its answer out


class TpmDevice(Protocol):
    def converse(self, talk: Callable[[Transmit], Value]) -> Value:
        """What `talk` returns or raises; it is given the open TPM, which is closed afterwards.

        Raises `UserFacingError`: there is no TPM, it may not be used, or it does not answer.
        """
        ...


class LinuxTpm:
    """The TPM of this computer. Keep one: it remembers that an earlier conversation still hangs."""

    def __init__(self, path: Path = RESOURCE_MANAGER, talk_seconds: float = TALK_SECONDS) -> None:
        self._path = path
        self._limit = TimeLimit(talk_seconds)
        self._seconds = talk_seconds

    def converse(self, talk: Callable[[Transmit], Value]) -> Value:
        """The conversation has its own thread: if the TPM hangs, nobody waits for it longer than the limit."""
        try:
            return self._limit.call(lambda: self._converse(talk))
        except NotAnsweringError:
            raise _not_answering(self._seconds) from None
        except OSError as problem:
            raise _not_usable(self._path, problem) from problem

    def _converse(self, talk: Callable[[Transmit], Value]) -> Value:
        device = os.open(self._path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
        try:

            def transmit(command: bytes) -> bytes:
                os.write(device, command)
                return os.read(device, MOST_REPLY_BYTES)

            return talk(transmit)
        finally:
            os.close(device)


def _not_answering(seconds: float) -> UserFacingError:
    return UserFacingError(
        what="The TPM does not answer.",
        why=f"It was asked and said nothing for {seconds:.0f} seconds, or still has not answered an earlier question.",
        next_step="Go on without it, or restart the computer.",
    )


def _not_usable(path: Path, problem: OSError) -> UserFacingError:
    detail = f"{path}: {problem}"
    if problem.errno in (errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.ENOTDIR):
        return UserFacingError(
            what="No TPM 2.0 is in use here.",
            why=f"There is no {path}: the computer has none, it is switched off, or the system is not Linux.",
            next_step="Switch it on in the firmware's settings (it may be called PTT or fTPM), or go on without it.",
            detail=detail,
        )
    if problem.errno in (errno.EACCES, errno.EPERM):
        return UserFacingError(
            what="The TPM may not be used.",
            why=f"Only root and the group tss may use {path}.",
            next_step="Type: sudo usermod -aG tss $USER. Then log out and in again.",
            detail=detail,
        )
    return UserFacingError(
        what="The TPM cannot be used.",
        why=f"The system says: {problem.strerror or type(problem).__name__}.",
        next_step="Press Check again; if it stays, restart the computer.",
        detail=detail,
    )
