"""`mulberry attest …`: what this computer can show of itself, and what another one's file proves.

Showing and exporting ask the agent; verifying and challenging need neither an agent nor a network, on any computer.
"""

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mulberry.cli.asking import CHOSEN_LAST, AsJson, Data, Network, root_of, say, with_agent
from mulberry.model.errors import UserFacingError
from mulberry.model.places import DataFolder

if TYPE_CHECKING:
    from mulberry.agent.collateral_keeper import CollateralKeeper
    from mulberry.attestation.collateral import Collateral
    from mulberry.attestation.levels import ImageList, References
    from mulberry.client.control import ControlClient
    from mulberry.model.proof import AttestationStatus, Verdict

LOOK_SECONDS = 0.2
LOOKS = 900  # three minutes: a TPM may be slow

application = typer.Typer(no_args_is_help=True, help="What this computer proves, to whom; and other computers' files.")

ExportFile = Annotated[Path, typer.Argument(help="The file that `mulberry attest export` wrote.", show_default=False)]
NonceHex = Annotated[str, typer.Option("--nonce", help="What the verifier asks with, in hexadecimal.")]


@application.command()
def show(
    network: Network = CHOSEN_LAST,
    data: Data = None,
    again: Annotated[
        bool, typer.Option("--again", help="Look anew first, and ask Intel for collateral that is not here.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say which level this computer reaches, and why."""
    from mulberry.cli.attest_words import of_attestation
    from mulberry.model.encoding import to_json
    from mulberry.model.proof import AttestationStatus

    found = with_agent(network, data, lambda client: _looked_at(client, again=again))
    say([to_json(AttestationStatus, found).decode()] if as_json else of_attestation(found))


@application.command()
def export(
    file: Annotated[Path, typer.Argument(help="The new file.", show_default=False)],
    network: Network = CHOSEN_LAST,
    data: Data = None,
    nonce: NonceHex = "",
    question: Annotated[
        Path | None,
        typer.Option(help="A verifier's question, made with `mulberry attest challenge`.", show_default=False),
    ] = None,
) -> None:
    """Write a statement of now, with all evidence, into a file."""
    _refuse_old(file)
    asked = _read(question).decode(errors="replace") if question else ""
    found = with_agent(network, data, lambda client: client.envelope(nonce, asked))
    _write(file, found.content.encode())
    say(
        [
            f"Written: {file}. Verify it with `mulberry attest verify {file.name}`, on any computer.",
            "It names this computer's GPUs and TPM: whoever has two such files can tell that they are of one computer.",
        ]
    )


@application.command()
def verify(
    file: ExportFile,
    nonce: NonceHex = "",
    kept: Annotated[
        Path | None, typer.Option(help="The kept half of the question that was sent.", show_default=False)
    ] = None,
    image: Annotated[
        list[str] | None,
        typer.Option(help="Accept this image (SHA-256, hexadecimal; may be repeated) instead of the network's list."),
    ] = None,
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Ask Intel (or the cache in the settings) for collateral that is not here.")
    ] = False,
    at_least: Annotated[int, typer.Option(min=0, max=4, help="The level below which the exit status is 1.")] = 1,
    network: Network = CHOSEN_LAST,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Say what such a file proves, offline.

    It is compared with what lies in the network's data folder: collateral, roots, references, the list of images. With
    --fetch, Intel learns which kind of platform is asked about, and nothing else leaves this computer.

    Exit status 0: it reaches the level that was asked for.
    """
    from mulberry.attestation.collateral import CollateralFolder
    from mulberry.attestation.envelope import read_envelope
    from mulberry.attestation.errors import NotProven, sentence
    from mulberry.attestation.levels import judge
    from mulberry.model.clock import SystemClock

    folder = DataFolder.of_network(root_of(data), network)
    collateral = _keeper(folder) if fetch else CollateralFolder(folder.collateral)
    references = _references(folder, collateral, nonce, kept, image)
    try:
        evidence = read_envelope(_read(file))
    except NotProven as problem:
        raise UserFacingError(
            what=f"{file} proves nothing.", why=sentence(problem), next_step="Ask for the file once more."
        ) from problem
    verdict = judge(evidence, references, SystemClock().now())
    if not isinstance(collateral, CollateralFolder):
        if asyncio.run(collateral.bring_what_lacks()):
            verdict = judge(evidence, references, SystemClock().now())
        elif collateral.last_problem:
            typer.echo(collateral.last_problem, err=True)
    _say_verdict(verdict, evidence.statement, as_json=as_json)
    raise typer.Exit(0 if verdict.level >= at_least else 1)


@application.command()
def challenge(
    file: ExportFile,
    question: Annotated[Path, typer.Option(help="The new file to send to that computer.", show_default=False)],
    kept: Annotated[Path, typer.Option(help="The new file to keep, for `verify`.", show_default=False)],
) -> None:
    """Make a question for a computer that sent a file.

    Its answer shows that it is there now, and that one TPM holds both keys.

    It answers with `mulberry attest export NEW-FILE --question QUESTION`.
    """
    import secrets

    from mulberry.attestation.envelope import read_envelope
    from mulberry.attestation.errors import NotProven, sentence
    from mulberry.attestation.questions import KeptQuestion, write_kept, write_question
    from mulberry.attestation.tpm import challenge as challenge_tpm

    _refuse_old(question)
    _refuse_old(kept)
    try:
        keys = read_envelope(_read(file)).tpm
        if keys is None:
            raise NotProven("it shows no TPM")
        asked = KeptQuestion(secrets.token_bytes(32), challenge_tpm(keys.ek_public, keys.ak_public))
    except NotProven as problem:
        raise UserFacingError(
            what="There is nothing to challenge.",
            why=sentence(problem),
            next_step="Send a nonce instead, and verify with `--nonce`.",
        ) from problem
    _write(kept, write_kept(asked))
    _write(question, write_question(asked))
    say([f"Send {question}, and keep {kept} to yourself: with it anybody could answer."])


async def _looked_at(client: "ControlClient", *, again: bool) -> "AttestationStatus":
    status = await client.attestation()
    never = status.verdict is None and not status.hindrances
    if again or never:
        status = await client.attest_again(fetch=again)
    for _ in range(LOOKS):
        if not status.is_checking:
            break
        await asyncio.sleep(LOOK_SECONDS)
        status = await client.attestation()
    return status


def _keeper(folder: DataFolder) -> "CollateralKeeper":
    """Asks the service that the owner named in the settings, else Intel."""
    from random import SystemRandom

    from mulberry.agent.collateral_keeper import CollateralKeeper
    from mulberry.agent.settings import load_settings
    from mulberry.attestation.collateral_fetch import INTEL
    from mulberry.model.clock import SystemClock

    clock = SystemClock()
    service = load_settings(folder.settings, clock).collateral_service or INTEL
    return CollateralKeeper(folder.collateral, clock, SystemRandom(), service=service)


def _references(
    folder: DataFolder, collateral: "Collateral", nonce: str, kept: Path | None, images: list[str] | None
) -> "References":
    """Raises `UserFacingError`: an option is not what it should be."""
    from dataclasses import replace

    from mulberry.attestation.errors import NotProven, sentence
    from mulberry.attestation.levels import references_in
    from mulberry.attestation.questions import read_kept, read_nonce
    from mulberry.attestation.tdx import TdxVerifier

    own = references_in(folder, TdxVerifier(collateral))
    try:
        asked = read_kept(_read(kept)) if kept else None
        return replace(
            own,
            nonce=asked.nonce if asked else read_nonce(nonce) or None,
            challenge=asked.challenge if asked else None,
            images=_images(folder, images),
        )
    except NotProven as problem:
        raise UserFacingError(
            what="Nothing was verified.", why=sentence(problem), next_step="Correct that, then try again."
        ) from problem


def _images(folder: DataFolder, named: list[str] | None) -> "ImageList | None":
    """Those named, else the network's as they were read last. Raises `NotProven`: what was named is no SHA-256.

    The list of a root contract that the network does not name any more is nobody's.
    """
    from mulberry.agent.seen_root import listed_images, seen_root_of
    from mulberry.attestation.errors import NotProven
    from mulberry.attestation.levels import ImageList
    from mulberry.model.network import load_profile

    if named is None:
        profile = load_profile(str(folder.profile) if folder.profile.is_file() else folder.path.name)
        root = seen_root_of(profile, folder.seen_root)
        return None if root is None else listed_images(root)
    if not all(re.fullmatch(r"[0-9a-fA-F]{64}", image) for image in named):
        raise NotProven("an image hash is 32 bytes in hexadecimal")
    return ImageList(frozenset(image.lower() for image in named), "--image")


def _say_verdict(verdict: "Verdict", statement: bytes, *, as_json: bool) -> None:
    """Whose word an altered statement is nobody knows, so nothing of it is said."""
    from mulberry.attestation.levels import STATEMENT
    from mulberry.attestation.manifest import facts_of, read_statement
    from mulberry.cli.attest_words import of_facts, of_verdict
    from mulberry.model.encoding import to_json
    from mulberry.model.proof import AttestationStatus, Outcome

    is_signed = any(check.name == STATEMENT and check.outcome is Outcome.HOLDS for check in verdict.checks)
    facts = facts_of(read_statement(statement)) if is_signed else ()
    if as_json:
        say([to_json(AttestationStatus, AttestationStatus(verdict, facts)).decode()])
        return
    say(of_verdict(verdict))
    if is_signed:
        say(["The statement, each line the word of the computer that made it:"])
        say(of_facts(facts))


def _read(path: Path) -> bytes:
    """Raises `UserFacingError`: it cannot be read, or is too large."""
    from mulberry.attestation.envelope import MOST_ENVELOPE_BYTES
    from mulberry.model.files import read_bounded

    try:
        content = read_bounded(path, MOST_ENVELOPE_BYTES)
        if content is not None:
            return content
        why = "there is no such file"
    except OSError as problem:
        why = problem.strerror or str(problem)
    except ValueError as problem:
        why = str(problem)
    raise UserFacingError("The file cannot be read.", f"{path}: {why}.", "Choose the file that Mulberry wrote.")


def _write(path: Path, content: bytes) -> None:
    from mulberry.model.files import write_new

    try:
        write_new(path, content)
    except FileExistsError:
        _refuse_old(path)
    except OSError as problem:
        raise UserFacingError(
            what="The file was not written.",
            why=f"{path}: {problem.strerror or problem}.",
            next_step="Choose a folder that you may write to.",
        ) from problem


def _refuse_old(path: Path) -> None:
    if path.exists():
        raise UserFacingError("Nothing was written.", f"{path} is there already.", "Choose another name.")
