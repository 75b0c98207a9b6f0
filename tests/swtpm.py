"""A real TPM 2.0 in software (swtpm) behind a Unix socket, and its conversations recorded for where there is none.

swtpm is an independent implementation (libtpms, from the TCG's own reference code), so that what we send and read is
not only checked against ourselves. The maker's certificate is put into it here, by a maker that we made up.
"""

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from mulberry.attestation.tpm.device import Transmit
from mulberry.attestation.tpm.wire import Algorithm, number, sized

SWTPM = shutil.which("swtpm")
START_SECONDS = 20.0
PLATFORM = 0x4000000C
PASSWORD = number(9, 4) + number(0x40000009, 4) + number(0, 2) + number(0, 1) + number(0, 2)
NV_DEFINE_SPACE, NV_WRITE, PCR_EXTEND, GET_CAPABILITY, EVICT_CONTROL = 0x12A, 0x137, 0x182, 0x17A, 0x120
MAKERS_NV_ATTRIBUTES = 0x42072001  # as swtpm_setup has them for an EK certificate: read with its own empty password
TRANSIENT_HANDLES, SESSION_HANDLES = 0x80000000, 0x02000000
OWNER = 0x40000001

Value = TypeVar("Value")


@dataclass
class SwTpm:
    """A device as the app sees it. `exchanges` keeps every command with its answer."""

    path: Path
    exchanges: list[tuple[bytes, bytes]] = field(default_factory=list)

    def converse(self, talk: Callable[[Transmit], Value]) -> Value:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(START_SECONDS)
            connection.connect(str(self.path))

            def transmit(command: bytes) -> bytes:
                connection.sendall(command)
                answer = connection.recv(4096)
                while len(answer) < 6 or len(answer) < int.from_bytes(answer[2:6], "big"):
                    answer += connection.recv(4096)
                self.exchanges.append((command, answer))
                return answer

            return talk(transmit)

    def command(self, code: int, body: bytes, *, authorized: bool = True) -> bytes:
        """Whatever the answer has behind its header. `body`: handles, then what follows the authorization."""
        tag = 0x8002 if authorized else 0x8001

        def talk(transmit: Transmit) -> bytes:
            return transmit(number(tag, 2) + number(10 + len(body), 4) + number(code, 4) + body)

        answer = self.converse(talk)
        assert answer[6:10] == bytes(4), f"command {code:#x}: TPM_RC {answer[6:10].hex()}"
        return answer[10:]

    def write_certificate(self, index: int, der: bytes) -> None:
        """As a maker does: into an index of the platform's."""
        public = number(index, 4) + number(Algorithm.SHA256, 2) + number(MAKERS_NV_ATTRIBUTES, 4) + sized(b"")
        public += number(len(der), 2)
        self.command(NV_DEFINE_SPACE, number(PLATFORM, 4) + PASSWORD + sized(b"") + sized(public))
        for start in range(0, len(der), 512):
            piece = sized(der[start : start + 512]) + number(start, 2)
            self.command(NV_WRITE, number(PLATFORM, 4) + number(index, 4) + PASSWORD + piece)

    def extend(self, register: int, event: bytes) -> None:
        digests = number(1, 4) + number(Algorithm.SHA256, 2) + sha256(event).digest()
        self.command(PCR_EXTEND, number(register, 4) + PASSWORD + digests)

    def boot(self) -> None:
        """What firmware measures at every start: something into each of the registers 0 to 7."""
        for register in range(8):
            self.extend(register, b"EV_SEPARATOR")

    def open_handles(self) -> int:
        """How many keys and sessions lie in it, of whomever."""
        counts = 0
        for first in (TRANSIENT_HANDLES, SESSION_HANDLES):
            answer = self.command(
                GET_CAPABILITY, number(1, 4) + number(first, 4) + number(16, 4), authorized=False
            )  # TPM_CAP_HANDLES
            counts += int.from_bytes(answer[5:9], "big")
        return counts


@contextmanager
def started(state: Path) -> Iterator[SwTpm]:
    """A TPM whose lasting state lies in the folder. Its socket too, so its path must be short."""
    assert SWTPM is not None
    path = state / "tpm"
    places = ("--tpmstate", f"dir={state}", "--server", f"type=unixio,path={path}")
    swtpm = subprocess.Popen(
        [SWTPM, "socket", "--tpm2", *places, "--flags", "not-need-init,startup-clear"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + START_SECONDS
        while not _listens(path):
            assert swtpm.poll() is None, f"swtpm ended with {swtpm.returncode}"
            assert time.monotonic() < until, "swtpm does not listen"
            time.sleep(0.01)
        yield SwTpm(path)
    finally:
        swtpm.kill()
        swtpm.wait()


def _listens(path: Path) -> bool:
    """The socket is there a moment before anybody listens."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    return True
