"""What the owner is told of evidence that could not be gathered, of what would raise the level, and of what is seen."""

from collections.abc import Iterator, Sequence

from mulberry.attestation.evidence import Evidence
from mulberry.attestation.levels import GENUINE_TPM, GPUS, IMAGE
from mulberry.attestation.manifest import SECURE_BOOT
from mulberry.model.attestation import Policy
from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.gpu import ConfidentialMode
from mulberry.model.host import ConfidentialReport, HostReport
from mulberry.model.language import number, tr
from mulberry.model.network import NetworkProfile
from mulberry.model.places import DataFolder
from mulberry.model.proof import Fact, Hindrance, Level, Outcome, Seen, Verdict

NOTHING = tr("nothing")
NO_PROMPTS = tr(
    "Mulberry neither shows nor stores them; below level 4, you and programs run by you could still read them"
)


def hindrance_of(problem: UserFacingError) -> Hindrance:
    return Hindrance(problem.what, problem.why, problem.next_step, problem.whose_turn)


def our_mistake(bug: Exception) -> Hindrance:
    why = tr("{mistake}; the details are in agent.log.", mistake=type(bug).__name__)
    return Hindrance(tr("Mulberry made a mistake of its own."), why, tr("Check again."))


def quoting_hangs(seconds: float) -> Hindrance:
    return Hindrance(
        tr("The quoting service does not answer."),
        tr(
            "It was silent for {seconds} seconds, or is still busy with an earlier question.",
            seconds=number(f"{seconds:g}"),
        ),
        tr("See that the host's quote generation service runs, then check again."),
    )


def no_quote(host: HostReport) -> Hindrance:
    """Of a system that is no TDX guest, or does not know whether it is one."""
    said = tr("This system is no Intel TDX guest: {evidence}.", evidence=host.tdx_guest.evidence)
    if not host.tdx_guest.is_known:
        said = tr(
            "Whether this system is an Intel TDX guest is unknown, because {evidence}.",
            evidence=host.tdx_guest.evidence,
        )
    if host.snp_guest.value:
        said = tr("This is an AMD SEV-SNP guest, and Cocoon knows only Intel TDX.")
    return Hindrance(
        tr("There is no TDX quote."),
        said,
        tr(
            "For level 3, run Mulberry in an Intel TDX guest; `mulberry check` tells whether this computer can start "
            "one."
        ),
    )


def no_gpu_report(confidential: ConfidentialReport) -> Hindrance:
    """Of GPUs that do not run in confidential mode, or of none."""
    what, gpus, mode = tr("No GPU gives a report."), confidential.gpus, confidential.mode
    if not gpus:
        return Hindrance(
            what, tr("No NVIDIA GPU is known here."), tr("Level 4 needs one, such as an H100, in a TDX guest.")
        )
    if all(gpu.capable.value is False for gpu in gpus):
        why = tr("Its kind has no confidential computing: {evidence}.", evidence=gpus[0].capable.evidence)
        return Hindrance(what, why, tr("Nothing to do: this card works at levels 0 to 3."), WhoseTurn.NOBODY)
    if mode.value is None:
        return Hindrance(
            what,
            tr("The GPUs' mode is unknown, because {evidence}.", evidence=mode.evidence),
            tr("Look at `mulberry check`."),
        )
    return Hindrance(
        what,
        _how_it_runs(mode.value, mode.evidence),
        tr(
            "Switch it on from the host that passes the GPU on (`nvidia_gpu_tools.py --set-cc-mode=on`), then start "
            "the guest again."
        ),
    )


def _how_it_runs(mode: ConfidentialMode, evidence: str) -> str:
    match mode:
        case ConfidentialMode.OFF:
            return tr("Confidential computing is off ({evidence}).", evidence=evidence)
        case ConfidentialMode.ON:
            return tr("Confidential computing is on ({evidence}).", evidence=evidence)
        case ConfidentialMode.DEV_TOOLS:
            return tr(
                "Confidential computing is on for developers: a debugger may look in ({evidence}).", evidence=evidence
            )


def not_believed(verdict: Verdict, evidence: Evidence, folder: DataFolder) -> Iterator[Hindrance]:
    """Of evidence that was shown and counts for nothing here, because something is not here or switched off."""
    parts = {part.name: part for check in verdict.checks for part in check.parts}
    genuine, secure_boot = parts.get(GENUINE_TPM), parts.get(SECURE_BOOT)
    if genuine is not None and genuine.outcome is Outcome.MISSING:
        what = tr("The TPM is not known to be a genuine one.")
        if evidence.tpm is not None and evidence.tpm.ek_chain:
            yield Hindrance(
                what, genuine.told, tr("Put its maker's root certificate into {folder}.", folder=folder.tpm_roots)
            )
        else:
            yield Hindrance(what, genuine.told, tr("Nothing to do: this TPM stays at level 1."), WhoseTurn.NOBODY)
    if secure_boot is not None and secure_boot.outcome is Outcome.FAILED:
        yield Hindrance(tr("Secure Boot is off."), secure_boot.told, tr("Switch it on in the firmware's settings."))
    image = parts.get(IMAGE)
    if image is not None and image.outcome is Outcome.MISSING:
        next_step = tr("Type `mulberry check --fresh`: it reads the network's root contract.")
        yield Hindrance(tr("This guest's image is compared with nothing."), image.told, next_step)
    gpus = next((check for check in verdict.checks if check.name == GPUS), None)
    if gpus is not None and gpus.parts and gpus.outcome is Outcome.MISSING:
        yield Hindrance(
            tr("A GPU's report could not be checked completely."),
            gpus.told,
            tr("Put what is named here into {folder}; it comes from NVIDIA.", folder=folder.gpu_references),
        )


def next_step(verdict: Verdict, hindrances: Sequence[Hindrance]) -> str:
    """What its owner could do for a higher level; "" where nothing is."""
    if verdict.is_test:
        return tr("Nothing to do: a test network asks for a fake quote, and with one nothing is proven.")
    if verdict.level is Level.CONFIDENTIAL:
        return ""
    return next((each.next_step for each in hindrances if each.whose_turn is WhoseTurn.YOU), "")


def seen(profile: NetworkProfile, facts: Sequence[Fact]) -> tuple[Seen, ...]:
    """What proxies and the chain learn of this computer, beside what its owner sees. Statements go to nobody by
    themselves: a proxy sees what RA-TLS shows it."""
    return tuple(_seen(profile, facts))


def _seen(profile: NetworkProfile, facts: Sequence[Fact]) -> Iterator[Seen]:
    def here(name: str) -> str:
        return "; ".join(fact.value for fact in facts if fact.name == name) or tr("not looked at yet")

    yield Seen(tr("Program"), NOTHING, here("Mulberry"))
    yield Seen(tr("Model"), tr("the name {model}, and every answer", model=profile.model), here(tr("Model")))
    yield Seen(tr("GPU"), tr("how fast the answers come"), here("GPU"))
    yield Seen(tr("Sandbox"), NOTHING, here(tr("Sandbox")))
    yield Seen(tr("Boot state"), NOTHING, tr("Secure Boot: {finding}", finding=here(SECURE_BOOT)))
    yield Seen(tr("CPU enclave"), _of_enclave(profile), here("TDX guest"))
    address = tr("the IP address, by each proxy")
    if profile.transport == "socks5":
        address = tr("the IP address (of your router), by each proxy")
    yield Seen(tr("Address on the internet"), address, tr("not shown here"))
    yield Seen(
        tr("Money"), tr("your owner address and the worker's contracts, by everyone on TON"), tr("the Wallet page")
    )
    yield Seen(tr("Prompts and answers"), tr("all of them, by the proxy"), NO_PROMPTS)


def _of_enclave(profile: NetworkProfile) -> str:
    if profile.transport == "plain":
        return NOTHING
    return {
        Policy.ANY: tr("a key that changes every day, and no proof"),
        Policy.FAKE_TDX: tr("a fake quote: TEST, nothing proven"),
        Policy.TDX: tr("a TDX quote over the connection's key, where one can be made"),
    }[profile.worker_policy]
