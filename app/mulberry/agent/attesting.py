"""What this computer can show of itself, gathered beside the work and judged as a stranger would judge it.

Looking takes a tenth of a second, and some seconds where a TPM or a quoting service is slow. It happens on threads,
when a shift has begun to serve and when its owner asks; nothing that earns waits for it.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from mulberry.agent.attesting_words import (
    hindrance_of,
    next_step,
    no_gpu_report,
    no_quote,
    not_believed,
    our_mistake,
    quoting_hangs,
    seen,
)
from mulberry.agent.device_key import device_key
from mulberry.agent.own_thread import on_own_thread
from mulberry.agent.seen_root import listed_images, seen_root_of
from mulberry.agent.seen_root import seen as seen_now
from mulberry.agent.shift import Shift
from mulberry.agent.statement import Looked, model_of, statement_of
from mulberry.agent.workshop import Workshop
from mulberry.attestation.envelope import write_envelope
from mulberry.attestation.errors import NotProven, sentence
from mulberry.attestation.evidence import Evidence, GpuEvidence, TpmEvidence
from mulberry.attestation.levels import ImageList, References, judge, references_in
from mulberry.attestation.manifest import MOST_GPUS, facts_of, read_statement, write_statement
from mulberry.attestation.questions import read_nonce, read_question
from mulberry.attestation.software import read_software
from mulberry.attestation.tdx import TdxVerifier
from mulberry.attestation.tpm import (
    Challenge,
    Credential,
    challenge,
    collect,
    identify,
)
from mulberry.hardware.gpu_report import ANSWER_SECONDS
from mulberry.hardware.host import read_host
from mulberry.model.attestation import Policy
from mulberry.model.errors import UserFacingError
from mulberry.model.gpu import ConfidentialMode
from mulberry.model.host import ConfidentialReport, HostReport
from mulberry.model.language import tr
from mulberry.model.proof import AttestationStatus, Envelope, Hindrance, Verdict
from mulberry.model.time_limit import NotAnsweringError, TimeLimit
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.sandbox.provider import Confinement

NONCE_BYTES = 32
QUOTE_SECONDS = 10.0

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")
Challenged = tuple[TpmEvidence, Challenge | None]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a statement is made for. `credential` is a verifier's challenge to the TPM; `by_us`: we challenge it."""

    nonce: bytes
    credential: Credential | None = None
    by_us: bool = False


@dataclass(frozen=True, slots=True)
class _Serving:
    """What serves at the moment of a look."""

    model: ModelFolder | None = None
    confinement: Confinement | None = None
    libraries: Path | None = None  # of a GPU runtime


@dataclass(frozen=True, slots=True)
class _Gathered:
    """`challenge` is the one that we put to the TPM ourselves."""

    evidence: Evidence
    hindrances: tuple[Hindrance, ...]
    challenge: Challenge | None


class Attesting:
    """`shift` is the present one. All calls are the event loop's."""

    def __init__(
        self,
        workshop: Workshop,
        shift: Callable[[], Shift | None],
        references: Callable[[], References] | None = None,
    ) -> None:
        """`references` are read anew for each look; by default those in the network's data folder."""
        self._workshop = workshop
        self._shift = shift
        self._quote_limit = TimeLimit(QUOTE_SECONDS)
        self._gpu_limit = TimeLimit(ANSWER_SECONDS)
        self._references = references or partial(references_in, workshop.folder, TdxVerifier(workshop.collateral))
        self._status = AttestationStatus()
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    def status(self) -> AttestationStatus:
        """As it was looked at last."""
        status = self._status
        checking = self._task is not None and not self._task.done()
        workshop = self._workshop
        return replace(
            status,
            is_checking=checking,
            seen=seen(workshop.profile, status.facts),
            collateral=workshop.collateral.status(),
        )

    def begin(self, *, fetch: bool = False) -> None:
        """Looks anew, unless that is under way. `fetch`: its owner agrees that missing collateral is fetched."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look(fetch), name="attest")

    async def envelope(self, untrusted_nonce: str, untrusted_question: str) -> Envelope:
        """A statement of now with all evidence, for whoever asked.

        Raises `UserFacingError`: nonce or question are none, or the device key cannot be kept.
        """
        gathered = await self._gathered(_read_asked(untrusted_nonce, untrusted_question))
        return Envelope(write_envelope(gathered.evidence).decode())

    async def end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def _look(self, fetch: bool) -> None:
        asked = _Asked(self._workshop.random.randbytes(NONCE_BYTES), by_us=True)
        try:
            gathered = await self._gathered(asked)
            look = partial(self._judge, gathered, asked.nonce)
            verdict = await on_own_thread(look, "attest")
            if fetch and await self._workshop.collateral.bring_what_lacks():
                verdict = await on_own_thread(look, "attest")
        except UserFacingError as problem:
            self._status = AttestationStatus(hindrances=(hindrance_of(problem),), next_step=problem.next_step)
        except Exception as bug:
            log.exception("this computer could not be attested")
            self._status = AttestationStatus(hindrances=(our_mistake(bug),))
        else:
            evidence = gathered.evidence
            hindrances = (*not_believed(verdict, evidence, self._workshop.folder), *gathered.hindrances)
            facts = facts_of(read_statement(evidence.statement))
            self._status = AttestationStatus(
                verdict, facts, hindrances=hindrances, next_step=next_step(verdict, hindrances)
            )

    def _judge(self, gathered: _Gathered, nonce: bytes) -> Verdict:
        """As a stranger would who trusts the references that lie in this computer's folders."""
        own = replace(self._references(), images=self._images(), nonce=nonce, challenge=gathered.challenge)
        return judge(gathered.evidence, own, self._workshop.clock.now())

    def _images(self) -> ImageList | None:
        """As the root contract was read last, or as the profile of a network without a chain says."""
        profile = self._workshop.profile
        root = seen_root_of(profile, self._workshop.folder.seen_root)
        if root is None and profile.chain is not None and profile.launch is None:
            root = seen_now(profile.root_parameters(), None)
        return None if root is None else listed_images(root)

    async def _gathered(self, asked: _Asked) -> _Gathered:
        """One at a time: a TPM has one place to work."""
        async with self._turn:
            return await on_own_thread(partial(self._gather, asked, self._serving()), "attest")

    def _serving(self) -> _Serving:
        shift = self._shift()
        return _Serving(shift.model, shift.confinement, shift.libraries) if shift is not None else _Serving()

    def _gather(self, asked: _Asked, serving: _Serving) -> _Gathered:
        workshop = self._workshop
        key = device_key(workshop.folder.device_key)
        gpus, host, confidential = (
            workshop.gpus.read(),
            read_host(workshop.witnesses.files),
            workshop.gpus.confidential(),
        )
        model = None if serving.model is None else model_of(serving.model)
        looked = Looked(read_software(serving.libraries), gpus, host, confidential, model, serving.confinement)
        statement = statement_of(looked, bytes(key.verify_key), asked.nonce, workshop.clock.now())
        stated = write_statement(statement)
        evidence = Evidence(stated, bytes(key.verify_key), key.sign(stated).signature)
        hindrances: list[Hindrance] = []
        tpm, challenge = self._ask(lambda: self._tpm(evidence.bound_to, asked), hindrances) or (None, None)
        evidence = replace(
            evidence,
            tpm=tpm,
            tdx_quote=self._quote(evidence, host, hindrances),
            gpus=self._reports(evidence, [gpu.uuid for gpu in gpus.gpus[:MOST_GPUS]], confidential, hindrances),
        )
        return _Gathered(evidence, tuple(hindrances), challenge)

    def _tpm(self, bound_to: bytes, asked: _Asked) -> Challenged:
        device = self._workshop.witnesses.tpm
        if not asked.by_us:
            return collect(device, bound_to, asked.credential), None
        keys = identify(device)
        try:
            own = challenge(keys.ek_public, keys.ak_public)
        except NotProven as problem:
            log.info("the TPM was not challenged: %s", problem)
            return collect(device, bound_to), None
        return collect(device, bound_to, own.credential), own

    def _quote(self, evidence: Evidence, host: HostReport, hindrances: list[Hindrance]) -> bytes | None:
        profile = self._workshop.profile
        if profile.transport != "plain" and profile.worker_policy is Policy.FAKE_TDX:
            return evidence.report_data  # all that a fake quote is; whoever judges it says so
        if not host.tdx_guest.value:
            hindrances.append(no_quote(host))
            return None
        return self._ask(
            lambda: self._quote_limit.call(lambda: self._workshop.witnesses.quote(evidence.report_data)), hindrances
        )

    def _reports(
        self, evidence: Evidence, uuids: Sequence[str], confidential: ConfidentialReport, hindrances: list[Hindrance]
    ) -> tuple[GpuEvidence, ...]:
        if not uuids or confidential.mode.value is not ConfidentialMode.ON:
            hindrances.append(no_gpu_report(confidential))
            return ()
        report_of = self._workshop.witnesses.gpu
        asked = (self._ask(partial(report_of, uuid, evidence.bound_to, self._gpu_limit), hindrances) for uuid in uuids)
        return tuple(report for report in asked if report is not None)

    def _ask(self, witness: Callable[[], Answer], hindrances: list[Hindrance]) -> Answer | None:
        """None: it could not be asked, and `hindrances` has one more."""
        try:
            return witness()
        except UserFacingError as problem:
            hindrances.append(hindrance_of(problem))
        except NotAnsweringError:
            hindrances.append(quoting_hangs(QUOTE_SECONDS))
        return None


def _read_asked(untrusted_nonce: str, untrusted_question: str) -> _Asked:
    """Raises `UserFacingError`."""
    try:
        if untrusted_question:
            question = read_question(untrusted_question.encode())
            return _Asked(question.nonce, question.credential)
        return _Asked(read_nonce(untrusted_nonce))
    except NotProven as problem:
        raise UserFacingError(
            what=tr("Nothing was stated."),
            why=sentence(problem),
            next_step=tr(
                "Ask the verifier for another one: the file that `mulberry attest challenge` made, or a nonce."
            ),
        ) from problem
