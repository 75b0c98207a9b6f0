"""The few TPM 2.0 commands we use, as raw bytes: no library of others stands between, and none has to be installed.

Source: TCG, TPM 2.0 Library, part 3 (commands) and part 1, 18 (how one is put together), revision 1.59. What a command
makes inside the TPM is flushed again, whatever happens: a TPM has room for three keys, and others need them too.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from mulberry.attestation.errors import NotProven
from mulberry.attestation.tpm.device import Transmit
from mulberry.attestation.tpm.refusals import NO_SUCH_HANDLE, TRY_AGAIN, TpmRefused, bank_missing
from mulberry.attestation.tpm.wire import (
    ENDORSEMENT,
    MOST_REPLY_BYTES,
    SHA256_BYTES,
    Algorithm,
    Reader,
    number,
    read_selections,
    selection,
    sized,
)

HEADER_BYTES = 10  # of commands and answers alike: tag, size, code
NO_SESSIONS, SESSIONS = 0x8001, 0x8002
PASSWORD = 0x40000009  # the session of an empty password
NOBODY = 0x40000007  # TPM_RH_NULL
POLICY_SESSION = 0x01
CONTINUE = 0x01  # the session stays until it is flushed
NONCE = bytes(16)  # protects sessions with keys; ours have none

MOST_NV_BYTES = 8192  # certificates have one or two thousand
NV_PIECE_BYTES = 512  # every TPM of a PC reads that many at once
NV_OWNER_READ, NV_AUTH_READ = 1 << 17, 1 << 18
NV_WRITTEN = 1 << 29
OWNER = 0x40000001
PAUSES = (0.02, 0.1, 0.5)  # seconds before a busy TPM is asked again

log = logging.getLogger(__name__)


class _Code(IntEnum):
    """TPM_CC."""

    CREATE_PRIMARY = 0x131
    ACTIVATE_CREDENTIAL = 0x147
    NV_READ = 0x14E
    POLICY_SECRET = 0x151
    QUOTE = 0x158
    FLUSH_CONTEXT = 0x165
    NV_READ_PUBLIC = 0x169
    READ_PUBLIC = 0x173
    START_AUTH_SESSION = 0x176
    PCR_READ = 0x17E


class _Asked(StrEnum):
    """What a command is for, after "The TPM did not"."""

    KEY = "make a key"
    CHALLENGE = "answer the challenge"
    NV = "read its maker's certificate"
    QUOTE = "sign its boot registers"
    REGISTERS = "read its boot registers"
    FLUSH = "free its memory"


@dataclass(frozen=True, slots=True)
class Key:
    """A key inside the TPM; `public` is its TPMT_PUBLIC."""

    handle: int
    public: bytes


class Tpm:
    """A conversation with one TPM. Every method raises `TpmRefused`, `NotProven` (the answer is no answer), `OSError`,
    or whatever else the way to it raises."""

    def __init__(self, transmit: Transmit, pause: Callable[[float], None] = time.sleep) -> None:
        self._transmit = transmit
        self._pause = pause

    @contextmanager
    def primary_key(self, template: bytes) -> Iterator[Key]:
        """Makes the key that belongs to a TPMT_PUBLIC `template` in the endorsement hierarchy, and flushes it."""
        parameters = sized(sized(b"") + sized(b"")) + sized(template) + sized(b"") + number(0, 4)
        body = _handles(ENDORSEMENT) + _authorized(PASSWORD) + parameters
        answer = self._ask(_Code.CREATE_PRIMARY, _Asked.KEY, body, with_sessions=True)
        handle = answer.number(4)
        with self._flushed(handle):
            answer.number(4)  # the size of what follows
            yield Key(handle, answer.sized())

    def persistent_key(self, handle: int) -> Key | None:
        """The key that is kept under `handle`, if any."""
        try:
            answer = self._ask(_Code.READ_PUBLIC, _Asked.KEY, _handles(handle))
        except TpmRefused as refused:
            if refused.code == NO_SUCH_HANDLE:
                return None
            raise
        return Key(handle, answer.sized())

    def read_registers(self, registers: frozenset[int]) -> Mapping[int, bytes]:
        """PCRs of the SHA-256 bank. Raises `UserFacingError`: the TPM has no such bank."""
        values: dict[int, bytes] = {}
        missing = registers
        while missing:
            answer = self._ask(_Code.PCR_READ, _Asked.REGISTERS, selection(missing))
            answer.number(4)  # how often a register changed
            banks = read_selections(answer)
            given = sorted(banks[0][1]) if len(banks) == 1 and banks[0][0] == Algorithm.SHA256 else []
            if not given:
                raise bank_missing()
            if answer.number(4) != len(given) or not missing.issuperset(given):
                raise NotProven("the TPM's registers do not match what it was asked for")
            values |= {register: answer.sized(SHA256_BYTES) for register in given}
            missing -= frozenset(values)
        return values

    def quote(self, key: Key, extra_data: bytes, registers: frozenset[int]) -> tuple[bytes, bytes]:
        """TPMS_ATTEST over the registers and `extra_data` (at most 32 bytes), and its TPMT_SIGNATURE by `key`."""
        parameters = sized(extra_data) + number(Algorithm.NULL, 2) + selection(registers)
        body = _handles(key.handle) + _authorized(PASSWORD) + parameters
        answer = self._ask(_Code.QUOTE, _Asked.QUOTE, body, with_sessions=True)
        parameters_reader = Reader(answer.take(answer.number(4)), "the TPM's quote")
        return parameters_reader.sized(), parameters_reader.rest()

    def activate(self, key: Key, endorsement: Key, identity: bytes, secret: bytes) -> bytes:
        """What lies in a challenge made for `key` and `endorsement`: see `credential`."""
        with self._policy_session() as session:
            policy = _handles(ENDORSEMENT, session) + _authorized(PASSWORD) + 3 * sized(b"") + number(0, 4)
            self._ask(_Code.POLICY_SECRET, _Asked.CHALLENGE, policy, with_sessions=True)
            body = _handles(key.handle, endorsement.handle) + _authorized(PASSWORD, session)
            body += sized(identity) + sized(secret)
            answer = self._ask(_Code.ACTIVATE_CREDENTIAL, _Asked.CHALLENGE, body, with_sessions=True)
            answer.number(4)  # the size of what follows
            return answer.sized()

    def read_nv(self, index: int) -> bytes | None:
        """What lies in the TPM's memory at `index`; None: nothing, or nothing that may be read."""
        try:
            return self._read_nv(index)
        except TpmRefused as refused:
            log.info("nothing is read from the TPM's memory at %#x: %s", index, refused)
            return None

    def _read_nv(self, index: int) -> bytes | None:
        answer = self._ask(_Code.NV_READ_PUBLIC, _Asked.NV, _handles(index))
        public = Reader(answer.sized(), "the TPM's memory")
        public.take(4 + 2)  # index, algorithm of its name
        attributes = public.number(4)
        public.sized()
        size = public.number(2)
        if not attributes & NV_WRITTEN or not attributes & (NV_AUTH_READ | NV_OWNER_READ) or size > MOST_NV_BYTES:
            return None
        authority = index if attributes & NV_AUTH_READ else OWNER
        starts = range(0, size, NV_PIECE_BYTES)
        return b"".join(
            self._read_nv_piece(authority, index, start, min(NV_PIECE_BYTES, size - start)) for start in starts
        )

    def _read_nv_piece(self, authority: int, index: int, start: int, size: int) -> bytes:
        body = _handles(authority, index) + _authorized(PASSWORD) + number(size, 2) + number(start, 2)
        answer = self._ask(_Code.NV_READ, _Asked.NV, body, with_sessions=True)
        answer.number(4)  # the size of what follows
        piece = answer.sized(size)
        if len(piece) != size:
            raise NotProven("the TPM's memory is cut short")
        return piece

    @contextmanager
    def _policy_session(self) -> Iterator[int]:
        body = _handles(NOBODY, NOBODY) + sized(NONCE) + sized(b"") + number(POLICY_SESSION, 1)
        body += number(Algorithm.NULL, 2) + number(Algorithm.SHA256, 2)
        handle = self._ask(_Code.START_AUTH_SESSION, _Asked.CHALLENGE, body).number(4)
        with self._flushed(handle):
            yield handle

    @contextmanager
    def _flushed(self, handle: int) -> Iterator[None]:
        try:
            yield
        finally:
            with suppress(TpmRefused):  # it is gone then
                self._ask(_Code.FLUSH_CONTEXT, _Asked.FLUSH, _handles(handle))

    def _ask(self, code: _Code, asked: _Asked, body: bytes, *, with_sessions: bool = False) -> Reader:
        """The answer behind its header. A busy TPM is asked again a few times."""
        tag = SESSIONS if with_sessions else NO_SESSIONS
        command = number(tag, 2) + number(HEADER_BYTES + len(body), 4) + number(code, 4) + body
        for pause in PAUSES:
            try:
                return self._ask_once(command, asked)
            except TpmRefused as refused:
                if refused.code not in TRY_AGAIN:
                    raise
                log.info("%s: asked again in %s seconds", refused, pause)
                self._pause(pause)
        return self._ask_once(command, asked)

    def _ask_once(self, command: bytes, asked: _Asked) -> Reader:
        untrusted = self._transmit(command)
        answer = Reader(untrusted, "the TPM's answer")
        answer.number(2)  # its tag says again whether there are sessions
        if answer.number(4) != len(untrusted) or len(untrusted) > MOST_REPLY_BYTES:
            raise NotProven("the TPM's answer is not as long as it says")
        refusal = answer.number(4)
        if refusal:
            raise TpmRefused(asked, refusal)
        return answer


def _handles(*handles: int) -> bytes:
    return b"".join(number(handle, 4) for handle in handles)


def _authorized(*sessions: int) -> bytes:
    """The authorization area: each session without a nonce and a password of its own."""
    area = b"".join(
        number(session, 4) + sized(b"") + number(0 if session == PASSWORD else CONTINUE, 1) + sized(b"")
        for session in sessions
    )
    return number(len(area), 4) + area
