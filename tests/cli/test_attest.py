"""Verifying is what strangers do with our files: the exit status and the words must be right, without an agent."""

import asyncio
import json
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from typer.testing import CliRunner, Result

from collateral_server import serving_collateral
from mulberry.agent.seen_root import keep_seen_root
from mulberry.attestation.envelope import write_envelope
from mulberry.attestation.manifest import StatedModel, write_statement
from mulberry.attestation.questions import read_kept, read_question
from mulberry.cli.attest import _images, application
from mulberry.cli.attest_words import of_attestation, of_collateral, of_verdict
from mulberry.model.clock import SystemClock
from mulberry.model.collateral import CollateralStatus, PlatformCollateral
from mulberry.model.eligibility import SeenRoot
from mulberry.model.encoding import from_json
from mulberry.model.errors import UserFacingError
from mulberry.model.host import Finding
from mulberry.model.network import load_profile
from mulberry.model.places import DataFolder
from mulberry.model.proof import AttestationStatus, Check, Fact, Hindrance, Level, Outcome, Seen, Verdict
from own_mulberry import Mulberry
from shown_computer import NONCE, NOW, STATEMENT, stated
from synthetic_tdx import Guest, SyntheticIntel
from synthetic_tpm import PaperTpm, new_maker

UNASKED = replace(STATEMENT, nonce="")


@pytest.fixture(autouse=True)
def at_that_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SystemClock, "now", lambda self: NOW)


def attest(*words: object) -> Result:
    return CliRunner().invoke(application, list(map(str, words)))


def refusal(*words: object) -> UserFacingError:
    done = attest(*words)
    assert isinstance(done.exception, UserFacingError), done.output
    return done.exception


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "computer.json"
    path.write_bytes(write_envelope(stated(UNASKED)))
    return path


def test_a_statement_is_level_1_and_each_line_says_whose_word_it_is(file: Path) -> None:
    done = attest("verify", file)
    assert done.exit_code == 0, done.output
    assert done.output.startswith("Level 1 of 4: Self-reported software\n")
    assert "does not prove  The owner can forge it" in done.output
    assert "[✓] Statement: Signed by the device key" in done.output
    assert "[-] CPU enclave (Intel TDX): No TDX quote was shown. (Intel)" in done.output
    assert "good until 2026-11-23 11:59 UTC" in done.output
    assert "  GPU: NVIDIA H100 80GB HBM3, driver 590.12" in done.output


def test_the_exit_status_is_that_of_the_level_that_was_asked_for(file: Path) -> None:
    assert attest("verify", file, "--at-least", 0).exit_code == 0
    assert attest("verify", file, "--at-least", 2).exit_code == 1


def test_scripts_read_the_same_verdict(file: Path) -> None:
    done = attest("verify", file, "--json")
    status = from_json(AttestationStatus, done.output.encode())
    assert status.verdict is not None and status.verdict.level is Level.SELF_REPORTED
    assert status.facts and json.loads(done.output)["verdict"]["level"] == 1


def test_a_nonce_must_be_the_one_that_was_asked_with(tmp_path: Path, file: Path) -> None:
    asked = tmp_path / "asked.json"
    asked.write_bytes(write_envelope(stated(STATEMENT)))
    assert attest("verify", asked, "--nonce", NONCE.hex()).exit_code == 0
    done = attest("verify", file, "--nonce", NONCE.hex())
    assert (done.exit_code, "may be an old one" in done.output) == (1, True)
    assert "16 to 64 bytes" in refusal("verify", file, "--nonce", "12").why


def test_a_changed_statement_is_worth_nothing(file: Path) -> None:
    envelope = json.loads(file.read_text())
    envelope["statement"] = envelope["statement"].replace("A", "B", 1)
    file.write_text(json.dumps(envelope))
    done = attest("verify", file)
    assert (done.exit_code, done.output.splitlines()[0]) == (1, "Level 0 of 4: Not attested")
    assert "[✗] Statement: Its statement was changed" in done.output


def test_what_nobody_signed_is_not_told_as_somebodys_word(file: Path) -> None:
    envelope = json.loads(file.read_text())
    altered = write_statement(replace(UNASKED, model=StatedModel("some/other-model", "1", "ab" * 32)))
    file.write_text(json.dumps(envelope | {"statement": b64encode(altered).decode()}))
    done = attest("verify", file)
    assert "[✗] Statement: Its statement was changed" in done.output
    assert "some/other-model" not in done.output and "the word of the computer" not in done.output
    told = from_json(AttestationStatus, attest("verify", file, "--json").output.encode())
    assert told.verdict is not None and told.facts == ()


def test_what_is_no_file_of_ours_is_told(tmp_path: Path) -> None:
    assert "no such file" in refusal("verify", tmp_path / "nothing").why
    for content in (b"", b"{}", b"\xff" * 100):
        (tmp_path / "junk").write_bytes(content)
        assert "no envelope" in refusal("verify", tmp_path / "junk").why
    (tmp_path / "large").write_bytes(b" " * 5_000_000)
    assert "larger than" in refusal("verify", tmp_path / "large").why
    assert "Errno" not in refusal("verify", tmp_path).why, "a folder is told of in words"


def test_an_image_is_named_by_its_whole_hash(file: Path) -> None:
    assert attest("verify", file, "--image", "ab" * 32).exit_code == 0
    for wrong in ("ab", "zz" * 32):
        assert "32 bytes" in refusal("verify", file, "--image", wrong).why


def test_the_images_of_another_root_contract_are_nobodys(tmp_path: Path) -> None:
    folder = DataFolder.of_network(tmp_path, "mainnet")
    folder.create()
    own = load_profile("mainnet").root_contract_address
    for address, known in ((own, True), ("0:" + "11" * 32, False), ("", False)):
        keep_seen_root(folder.seen_root, SeenRoot(address, 1, ("ab" * 32,), (), None), None)
        assert (_images(folder, None) is not None) is known


def test_a_challenge_brings_a_tpm_to_level_2(tmp_path: Path) -> None:
    maker, device = new_maker(), PaperTpm()
    roots = DataFolder.of_network(tmp_path, "demo").tpm_roots
    roots.mkdir(parents=True)
    (roots / "maker.pem").write_bytes(maker.certificate.public_bytes(Encoding.PEM))
    first, question, kept = tmp_path / "first.json", tmp_path / "question.json", tmp_path / "kept.json"
    bare = stated(UNASKED)
    shown = replace(bare, tpm=device.evidence(maker, None, device.quoted(bare.bound_to)))
    first.write_bytes(write_envelope(shown))
    assert attest("verify", first, "--data", tmp_path, "--at-least", 2).exit_code == 1

    assert attest("challenge", first, "--question", question, "--kept", kept).exit_code == 0
    assert kept.stat().st_mode & 0o077 == 0
    asked = read_kept(kept.read_bytes())
    assert read_question(question.read_bytes()).nonce == asked.nonce

    bare = stated(replace(STATEMENT, nonce=asked.nonce.hex()))
    answer = replace(bare, tpm=device.evidence(maker, asked.challenge, device.quoted(bare.bound_to)))
    second = tmp_path / "second.json"
    second.write_bytes(write_envelope(answer))
    done = attest("verify", second, "--kept", kept, "--data", tmp_path, "--at-least", 2)
    assert done.exit_code == 0, done.output
    assert "Level 2 of 4: TPM-backed boot state" in done.output
    assert "Secure Boot: It says that it is on." in done.output
    assert attest("verify", second, "--data", tmp_path, "--nonce", asked.nonce.hex(), "--at-least", 2).exit_code == 1


def test_without_a_tpm_there_is_nothing_to_challenge(tmp_path: Path, file: Path) -> None:
    error = refusal("challenge", file, "--question", tmp_path / "q", "--kept", tmp_path / "k")
    assert "no TPM" in error.why and "nonce" in error.next_step


async def test_collateral_is_fetched_only_when_asked_for_and_what_is_no_good_is_told(tmp_path: Path) -> None:
    intel = SyntheticIntel()
    evidence = stated(UNASKED)
    quoted = replace(evidence, tdx_quote=intel.quote(Guest(evidence.report_data)))
    path = tmp_path / "guest.json"
    path.write_bytes(write_envelope(quoted))
    async with serving_collateral(intel.collateral()) as server:
        folder = DataFolder.of_network(tmp_path, "demo")
        folder.create()
        folder.settings.write_text(f'{{"collateral_service": "{server.address}"}}', encoding="utf-8")
        done = await asyncio.to_thread(attest, "verify", path, "--data", tmp_path)
        assert done.exit_code == 0 and "no collateral here" in done.output
        assert not server.asked
        done = await asyncio.to_thread(attest, "verify", path, "--data", tmp_path, "--fetch")
        assert len(server.asked) == 4
    assert "The collateral does not come from Intel's root" in done.output, "this Intel is made up"
    assert "no collateral here" in done.output
    assert not folder.collateral.exists()


def test_what_is_here_of_intels_word_is_shown_with_its_end() -> None:
    told = CollateralStatus(
        "https://localhost:8081",
        Finding(False, "It did not answer within 8 s. (asked at 12:00)"),
        (
            PlatformCollateral("00906ED50000", "platform", NOW),
            PlatformCollateral("B0C06F000000", "processor", None, "It gave no answer."),
        ),
    )
    assert list(of_collateral(told)) == [
        "Intel's word on TDX platforms, by https://localhost:8081: it does not answer "
        "(It did not answer within 8 s. (asked at 12:00))",
        "  FMSPC 00906ED50000 (platform): holds until 2026-11-22 12:00 UTC",
        "  FMSPC B0C06F000000 (processor): not here, or broken",
        "    It gave no answer.",
    ]


def test_no_file_is_written_over(tmp_path: Path, file: Path) -> None:
    assert "there already" in refusal("export", file).why
    assert "there already" in refusal("challenge", file, "--question", file, "--kept", tmp_path / "k").why
    assert "there already" in refusal("challenge", file, "--question", tmp_path / "q", "--kept", file).why


def test_strangers_words_do_nothing_to_a_terminal() -> None:
    check = Check("Statement", Outcome.FAILED, "\x1b[2Jits name", "\x07")
    lines = of_verdict(Verdict(Level.NOT_ATTESTED, (check,), NOW))
    assert all(line.isprintable() for line in lines)


def test_everything_that_is_known_is_shown() -> None:
    status = AttestationStatus(
        Verdict(Level.NOT_ATTESTED, (Check("CPU enclave", Outcome.TEST, "A fake quote."),), NOW, is_test=True),
        (Fact("Python", "CPython 3.11"),),
        (Seen("Program", "nothing", "0.1.0"),),
        (Hindrance("No TPM.", "There is none.", "Switch it on."),),
        next_step="Switch it on.",
    )
    assert list(of_attestation(status)) == [
        "TEST. Level 0 of 4: Not attested",
        "  rests on        Nothing.",
        "  does not prove  Anything.",
        "  [T] CPU enclave: A fake quote.",
        "as of 2026-11-22 12:00 UTC",
        "What this computer says of itself:",
        "  Python: CPython 3.11",
        "What is not shown, and why:",
        "  No TPM. There is none. Switch it on.",
        "What the network sees, and what you see:",
        "  Program",
        "    network  nothing",
        "    you      0.1.0",
        "Next: Switch it on.",
    ]
    assert next(iter(of_attestation(AttestationStatus()))) == "Not looked at yet."
    assert next(iter(of_attestation(AttestationStatus(is_checking=True)))) == "It is being looked at."


def test_an_owner_shows_exports_and_verifies(tmp_path: Path) -> None:
    """The whole way, with a real agent; the demo network is a test network and says so."""
    own = Mulberry(tmp_path / "own")
    file = tmp_path / "mine.json"
    try:
        status = own.json("attest", "show")
        assert (status["verdict"]["level"], status["verdict"]["is_test"]) == (0, True)
        assert own.command("attest", "export", str(file), "--nonce", NONCE.hex()).returncode == 0
        verified = own.command("attest", "verify", str(file), "--nonce", NONCE.hex())
        assert (verified.returncode, verified.stdout.splitlines()[0]) == (1, "TEST. Level 0 of 4: Not attested")
        assert "Made for our nonce" in verified.stdout
        again = own.command("attest", "export", str(file))
        assert (again.returncode, "there already" in again.stderr) == (1, True)
    finally:
        own.command("quit")
