"""What a network that asks for a TDX quote wants of the computer itself: the guest, its quote, its image on the list.

Sources: the protocol page, sections 6 and 7 (Linux 6.16, an Intel TDX host, QEMU 10.1, the GPU bound to vfio-pci), and
Intel's list of processors with TDX: Xeon of the 5th generation and Xeon 6, and some of the 4th; no Core, no Atom.
"""

from mulberry.model.eligibility import Computer, NetworkRules, Requirement, SeenRoot, Standing
from mulberry.model.errors import WhoseTurn
from mulberry.model.host import HostReport
from mulberry.model.language import tr

GUEST = tr("An Intel TDX guest")
QUOTE = tr("Quotes from the kernel")
IMAGE = tr("Its image on the network's list")
RULES = tr("The network's rules")
ASK_CHAIN = tr("Ask TON; it takes the internet, and up to half a minute.")
TDX_PROCESSORS = tr("TDX is in Intel's Xeon of the 5th generation, Xeon 6, and some of the 4th")
NO_TDX_PROCESSORS = ("AMD", "Core(TM)", "Core Ultra", "Atom", "Pentium", "Celeron")


def of_guest(computer: Computer, network: NetworkRules) -> list[Requirement]:
    """All of them, in the order in which they can be met."""
    found = [_guest(computer.host)]
    if computer.host.tdx_guest.value:
        found.append(_quote(computer))
    if network.root is None:
        return [*found, _unknown(RULES, network.why_no_root, ASK_CHAIN, "mulberry check --fresh")]
    return [*found, Requirement(RULES, Standing.MET, f"{told(network.root)}."), _image(computer, network.root)]


def _guest(host: HostReport) -> Requirement:
    if host.tdx_guest.value:
        return Requirement(GUEST, Standing.MET, host.tdx_guest.evidence)
    if host.snp_guest.value:
        return _never(tr("This is an AMD SEV-SNP guest, and the network's policy “tdx” takes Intel's only"))
    if host.tdx_host.value:
        return Requirement(
            GUEST,
            Standing.NOT_MET,
            tr("This computer can start TDX guests ({evidence}), but is none itself.", evidence=host.tdx_host.evidence),
            tr(
                "Start a TDX guest with the GPU bound to vfio-pci; Cocoon's own release brings one (`cocoon-launch`). "
                "Mulberry starts none yet."
            ),
            WhoseTurn.YOU,
        )
    if host.virtual_machine.value and not host.wsl.value and not host.tdx_guest.is_known:
        return _unknown(GUEST, host.tdx_guest.evidence)
    if host.wsl.value or host.virtual_machine.value:
        what = "WSL" if host.wsl.value else tr("a virtual machine without TDX")
        return _never(tr("This is {what}, and confidential guests do not nest", what=what))
    cpu = host.cpu.value
    if cpu is not None and any(name in cpu for name in NO_TDX_PROCESSORS):
        return _never(tr("{cpu} has no TDX; {tdx_processors}", cpu=cpu_in_words(cpu), tdx_processors=TDX_PROCESSORS))
    if host.tdx_host.value is False:
        return Requirement(
            GUEST,
            Standing.NOT_MET,
            tr("TDX is not switched on here: {evidence}.", evidence=host.tdx_host.evidence),
            tr(
                "Switch TDX on in the firmware's settings, and take Linux 6.16 or later with kvm_intel.tdx=1. "
                "{tdx_processors}.",
                tdx_processors=TDX_PROCESSORS,
            ),
            WhoseTurn.YOU,
            "cat /sys/module/kvm_intel/parameters/tdx",
        )
    return _unknown(
        GUEST,
        host.tdx_host.evidence,
        tr("Look whether the processor can do it. {tdx_processors}.", tdx_processors=TDX_PROCESSORS),
    )


def _never(why: str) -> Requirement:
    step = tr("It takes another computer: an Intel Xeon with TDX, your own or rented with its GPU.")
    return Requirement(GUEST, Standing.NOT_MET, f"{why}.", step, can_change=False)


def _quote(computer: Computer) -> Requirement:
    quotes = computer.host.quotes
    if quotes.value and computer.image.is_known:
        return Requirement(QUOTE, Standing.MET, tr("A quote was made; {evidence}.", evidence=quotes.evidence))
    if quotes.value:
        return _unknown(
            QUOTE, computer.image.evidence, tr("Check that Mulberry may write there and that the host answers.")
        )
    if quotes.value is False:
        return Requirement(
            QUOTE,
            Standing.NOT_MET,
            f"{quotes.evidence}.",
            tr("Mount configfs; it takes Linux 6.7 or later."),
            WhoseTurn.YOU,
            "sudo mount -t configfs none /sys/kernel/config",
        )
    return _unknown(QUOTE, quotes.evidence)


def _image(computer: Computer, root: SeenRoot) -> Requirement:
    if not computer.host.tdx_guest.value:
        return _unknown(IMAGE, tr("an image has a hash only when a TDX guest runs it"))
    if computer.image.value is None:
        return _unknown(IMAGE, computer.image.evidence)
    return on_the_list(IMAGE, "image", computer.image.value, root.worker_hashes, root)


def on_the_list(name: str, what: str, digest: str, accepted: tuple[str, ...], root: SeenRoot) -> Requirement:
    """Whether a hash is among those that the root contract accepts. An empty list accepts nobody."""
    if digest in accepted:
        return Requirement(
            name,
            Standing.MET,
            tr("{digest}… is one of {accepted}; {root}.", digest=digest[:16], accepted=len(accepted), root=told(root)),
        )
    return Requirement(
        name,
        Standing.NOT_MET,
        tr(
            "{digest}… is not among the {accepted} accepted ones; {root}.",
            digest=digest[:16],
            accepted=len(accepted),
            root=told(root),
        ),
        tr("Nothing is wrong here: the network's owner must put this {what} on the list. Ask again later.", what=what),
        WhoseTurn.NETWORK,
        "mulberry check --fresh",
        can_change=False,
    )


def cpu_in_words(untrusted_name: str) -> str:
    """Without the makers' marks."""
    return " ".join(untrusted_name.replace("(R)", "").replace("(TM)", "").split())


def told(root: SeenRoot) -> str:
    """Who says it, and when."""
    if root.as_of is None:
        return tr("the network's profile says so, without a date")
    return tr(
        "root contract, version {version}, as of {as_of} UTC",
        version=root.version,
        as_of=f"{root.as_of:%Y-%m-%d %H:%M}",
    )


def _unknown(name: str, why: str, next_step: str = "", command: str = "") -> Requirement:
    turn = WhoseTurn.YOU if next_step else WhoseTurn.NOBODY
    return Requirement(name, Standing.UNKNOWN, tr("unknown, because {why}", why=why), next_step, turn, command)
