"""What the owner is told of evidence that could not be gathered, of what would raise the level, and of what is seen."""

from collections.abc import Iterator, Sequence

from mulberry.attestation.evidence import Evidence
from mulberry.attestation.levels import GENUINE_TPM, GPUS, IMAGE
from mulberry.attestation.manifest import SECURE_BOOT
from mulberry.model.attestation import Policy
from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.gpu import ConfidentialMode
from mulberry.model.host import ConfidentialReport, HostReport
from mulberry.model.network import NetworkProfile
from mulberry.model.places import DataFolder
from mulberry.model.proof import Fact, Hindrance, Level, Outcome, Seen, Verdict

NOTHING = "nothing"
NO_PROMPTS = "Mulberry neither shows nor stores them; below level 4, you and programs run by you could still read them"


def hindrance_of(problem: UserFacingError) -> Hindrance:
    return Hindrance(problem.what, problem.why, problem.next_step, problem.whose_turn)


def our_mistake(bug: Exception) -> Hindrance:
    why = f"{type(bug).__name__}; the details are in agent.log."
    return Hindrance("Mulberry made a mistake of its own.", why, "Check again.")


def quoting_hangs(seconds: float) -> Hindrance:
    return Hindrance(
        "The quoting service does not answer.",
        f"It was silent for {seconds:g} seconds, or is still busy with an earlier question.",
        "See that the host's quote generation service runs, then check again.",
    )


def no_quote(host: HostReport) -> Hindrance:
    """Of a system that is no TDX guest, or does not know whether it is one."""
    said = f"This system is no Intel TDX guest: {host.tdx_guest.evidence}."
    if not host.tdx_guest.is_known:
        said = f"Whether this system is an Intel TDX guest is unknown, because {host.tdx_guest.evidence}."
    if host.snp_guest.value:
        said = "This is an AMD SEV-SNP guest, and Cocoon knows only Intel TDX."
    return Hindrance(
        "There is no TDX quote.",
        said,
        "For level 3, run Mulberry in an Intel TDX guest; `mulberry check` tells whether this computer can start one.",
    )


def no_gpu_report(confidential: ConfidentialReport) -> Hindrance:
    """Of GPUs that do not run in confidential mode, or of none."""
    what, gpus, mode = "No GPU gives a report.", confidential.gpus, confidential.mode
    if not gpus:
        return Hindrance(what, "No NVIDIA GPU is known here.", "Level 4 needs one, such as an H100, in a TDX guest.")
    if all(gpu.capable.value is False for gpu in gpus):
        why = f"Its kind has no confidential computing: {gpus[0].capable.evidence}."
        return Hindrance(what, why, "Nothing to do: this card works at levels 0 to 3.", WhoseTurn.NOBODY)
    if mode.value is None:
        return Hindrance(what, f"The GPUs' mode is unknown, because {mode.evidence}.", "Look at `mulberry check`.")
    shown = {ConfidentialMode.DEV_TOOLS: "on for developers: a debugger may look in"}.get(mode.value, mode.value.value)
    return Hindrance(
        what,
        f"Confidential computing is {shown} ({mode.evidence}).",
        "Switch it on from the host that passes the GPU on (`nvidia_gpu_tools.py --set-cc-mode=on`), then start the "
        "guest again.",
    )


def not_believed(verdict: Verdict, evidence: Evidence, folder: DataFolder) -> Iterator[Hindrance]:
    """Of evidence that was shown and counts for nothing here, because something is not here or switched off."""
    parts = {part.name: part for check in verdict.checks for part in check.parts}
    genuine, secure_boot = parts.get(GENUINE_TPM), parts.get(SECURE_BOOT)
    if genuine is not None and genuine.outcome is Outcome.MISSING:
        what = "The TPM is not known to be a genuine one."
        if evidence.tpm is not None and evidence.tpm.ek_chain:
            yield Hindrance(what, genuine.told, f"Put its maker's root certificate into {folder.tpm_roots}.")
        else:
            yield Hindrance(what, genuine.told, "Nothing to do: this TPM stays at level 1.", WhoseTurn.NOBODY)
    if secure_boot is not None and secure_boot.outcome is Outcome.FAILED:
        yield Hindrance("Secure Boot is off.", secure_boot.told, "Switch it on in the firmware's settings.")
    image = parts.get(IMAGE)
    if image is not None and image.outcome is Outcome.MISSING:
        next_step = "Type `mulberry check --fresh`: it reads the network's root contract."
        yield Hindrance("This guest's image is compared with nothing.", image.told, next_step)
    gpus = next((check for check in verdict.checks if check.name == GPUS), None)
    if gpus is not None and gpus.parts and gpus.outcome is Outcome.MISSING:
        yield Hindrance(
            "A GPU's report could not be checked completely.",
            gpus.told,
            f"Put what is named here into {folder.gpu_references}; it comes from NVIDIA.",
        )


def next_step(verdict: Verdict, hindrances: Sequence[Hindrance]) -> str:
    """What its owner could do for a higher level; "" where nothing is."""
    if verdict.is_test:
        return "Nothing to do: a test network asks for a fake quote, and with one nothing is proven."
    if verdict.level is Level.CONFIDENTIAL:
        return ""
    return next((each.next_step for each in hindrances if each.whose_turn is WhoseTurn.YOU), "")


def seen(profile: NetworkProfile, facts: Sequence[Fact]) -> tuple[Seen, ...]:
    """What proxies and the chain learn of this computer, beside what its owner sees. Statements go to nobody by
    themselves: a proxy sees what RA-TLS shows it."""
    return tuple(_seen(profile, facts))


def _seen(profile: NetworkProfile, facts: Sequence[Fact]) -> Iterator[Seen]:
    def here(name: str) -> str:
        return "; ".join(fact.value for fact in facts if fact.name == name) or "not looked at yet"

    yield Seen("Program", NOTHING, here("Mulberry"))
    yield Seen("Model", f"the name {profile.model}, and every answer", here("Model"))
    yield Seen("GPU", "how fast the answers come", here("GPU"))
    yield Seen("Sandbox", NOTHING, here("Sandbox"))
    yield Seen("Boot state", NOTHING, f"Secure Boot: {here('Secure Boot')}")
    yield Seen("CPU enclave", _of_enclave(profile), here("TDX guest"))
    router = " (of your router)" if profile.transport == "socks5" else ""
    yield Seen("Address on the internet", f"the IP address{router}, by each proxy", "not shown here")
    yield Seen("Money", "your owner address and the worker's contracts, by everyone on TON", "the Wallet page")
    yield Seen("Prompts and answers", "all of them, by the proxy", NO_PROMPTS)


def _of_enclave(profile: NetworkProfile) -> str:
    if profile.transport == "plain":
        return NOTHING
    return {
        Policy.ANY: "a key that changes every day, and no proof",
        Policy.FAKE_TDX: "a fake quote: TEST, nothing proven",
        Policy.TDX: "a TDX quote over the connection's key, where one can be made",
    }[profile.worker_policy]
