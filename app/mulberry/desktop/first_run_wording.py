"""What the first steps say, page by page: the truth before the first decision."""

from dataclasses import dataclass
from datetime import datetime

from mulberry.client.autostart import Starts
from mulberry.desktop.wording import network_title
from mulberry.model.first_run import STEPS, FirstRun, FirstStep, Preset
from mulberry.model.key import KeyState, KeyStatus
from mulberry.model.language import dated, tr
from mulberry.model.node import NodeState, Status

LATER, BACK, SKIP, CONTINUE = tr("Finish later"), tr("Back"), tr("Skip"), tr("Continue")
AGREE, LOOK_AROUND = tr("I agree, continue"), tr("Skip, I only look around")
START, TO_HOME = tr("Start earning"), tr("To the Home page")
ONE_MOMENT = tr("One moment…")
FILE = tr("A file…")


@dataclass(frozen=True, slots=True)
class Heading:
    title: str
    lead: str


HEADINGS = {
    FirstStep.WELCOME: Heading(
        tr("Lend your GPU, earn Toncoin"),
        tr("Mulberry answers requests of the Cocoon network with AI models on this computer. You are paid in Toncoin."),
    ),
    FirstStep.CAN_EARN: Heading(
        tr("Can this computer earn?"),
        tr("Each network asks for something else. This is what was found here, before you buy or download anything."),
    ),
    FirstStep.NETWORK: Heading(
        tr("Which network?"),
        tr("You can look around in the demo network first, and choose another one whenever you like."),
    ),
    FirstStep.OWNER: Heading(
        tr("Where do earnings go?"),
        tr("To an address on TON of a wallet of yours. Mulberry never asks for that wallet's key or its 24 words."),
    ),
    FirstStep.KEY: Heading(
        tr("Back up the node wallet's key"),
        tr(
            "This computer has a small wallet of its own that pays the network's fees. "
            "A backup lets another computer go on with it."
        ),
    ),
    FirstStep.WHEN: Heading(
        tr("When may it work?"),
        tr("Three usual answers. The Settings page has all the rules, and each can be changed there."),
    ),
    FirstStep.AUTOSTART: Heading(
        tr("What starts when you log in?"),
        tr(
            "Nothing does, unless you say so here. What starts goes on with what you wished last: "
            "stopped stays stopped."
        ),
    ),
    FirstStep.NEWS: Heading(
        tr("What may it tell you?"),
        tr("Messages on your desktop, by kind, and whether it looks for newer versions. Each switch holds at once."),
    ),
    FirstStep.END: Heading(tr("That is all"), tr("Everything here can be changed later in the window.")),
}

WELCOME = (
    tr(
        "It uses your graphics card and electricity while it works, and the fans will be heard. "
        "It stops when you say so."
    ),
    tr("Strangers' requests run in a process of their own inside a sandbox. Their text is neither stored nor logged."),
    tr("Proxies of the network see your IP address and which model you offer."),
    tr(
        "What it earns depends on how much the network asks for. It may be less than the electricity costs, or nothing."
    ),
    tr(
        "On an ordinary computer its owner could read the requests. Only proofs by the hardware exclude that, and the "
        "main network asks for them."
    ),
)
NOTHING_BEFORE_START = tr(
    "Nothing of this begins before you press Start earning. To press it anywhere is to agree, too."
)

ABOUT_NETWORKS = {
    "demo": tr(
        "A whole network on this computer: real requests and answers, made-up customers. It pays play money, "
        "which is worth nothing."
    ),
    "mainnet": tr(
        "Real customers and real Toncoin. It takes only computers that prove what they run: an H100-class GPU "
        "in confidential mode inside an Intel TDX guest."
    ),
    "test": tr("Joined by a file. Whether what it pays is worth anything is for those to say who run it."),
}
ABOUT_FILE = tr("A network's profile, or the parameters that the public test programs read.")
CHANGING_STOPS = tr(
    "The work for this network is stopped first and its agent ended: one network at a time uses the GPU."
)
LEAVING = tr("Ending the agent of this network…")

OWNER_FIELD = tr("Address on TON")
OWNER_HINT = tr("Type it or paste it. A mistyped address is noticed, because it carries a checksum.")
NOBODY_YET = tr("Nobody is named yet. Work for this network can start when somebody is.")
DEMO_OWNER = tr("The demo network pays to an address made for the demo. You need none of yours here.")

NO_KEY_YET = tr("There is nothing to back up yet: the key is made when the node first starts.")
DEMO_KEY = tr("On the demo network it guards play money, so a backup is only for practice.")
LATER_ON_WALLET = tr("The Wallet page has the same buttons at any time.")

OWN_RULES = tr("You have rules of your own. They stay as they are unless you choose one of these.")
PRESETS = {
    Preset.UNDISTURBED: (
        tr("Whenever it does not disturb"),
        tr(
            "Day and night, but not on battery, not on a metered network and not while a game or film fills the screen."
        ),
    ),
    Preset.AWAY: (
        tr("Only while I am away"),
        tr("The same, and only when nobody has touched keyboard or mouse for 10 minutes."),
    ),
    Preset.NIGHT: (tr("Only at night"), tr("The same, and only from 22:00 to 7:00.")),
}
AUTOSTARTS = {
    Starts.NOTHING: (tr("Nothing"), tr("You start Mulberry yourself.")),
    Starts.AGENT: (tr("The agent, without a window"), tr("It earns in the background where you wished so last.")),
    Starts.WINDOW: (tr("The agent, and the icon in the tray"), tr("The same, and you see at a glance what it does.")),
}


def progress(state: FirstRun) -> str:
    return tr("Step {number} of {steps}", number=state.number, steps=len(STEPS))


def agreed(agreed_at: datetime | None) -> str:
    if agreed_at is None:
        return NOTHING_BEFORE_START
    when = tr("You agreed on {date}.", date=dated(agreed_at.astimezone(), "%d %b %Y"))
    return f"{when} {NOTHING_BEFORE_START}"


def continue_button(state: FirstRun, status: Status | None) -> str:
    """What the large button says."""
    if state.step is FirstStep.WELCOME and state.agreed_at is None:
        return AGREE
    if state.step is FirstStep.END:
        return START if may_start(state, status) else TO_HOME
    return CONTINUE


def skip_button(state: FirstRun, status: Status | None) -> str:
    """What the button beside it says; "" where there is nothing else to do."""
    if state.step is FirstStep.WELCOME and state.agreed_at is None:
        return LOOK_AROUND
    if state.step is FirstStep.END:
        return TO_HOME if may_start(state, status) else ""
    return SKIP


def may_start(state: FirstRun, status: Status | None) -> bool:
    """Whether the last page offers to start."""
    return state.agreed_at is not None and (status is None or status.state is NodeState.STOPPED)


def owner_now(owner: str, *, is_demo: bool) -> str:
    if is_demo:
        return DEMO_OWNER
    return tr("Payouts go to {owner}.", owner=owner) if owner else NOBODY_YET


def key_now(key: KeyStatus, *, is_demo: bool) -> str:
    if key.state is KeyState.UNREAD:
        return f"{NO_KEY_YET} {LATER_ON_WALLET}"
    return f"{DEMO_KEY} {LATER_ON_WALLET}" if is_demo else LATER_ON_WALLET


def end_lines(state: FirstRun, status: Status | None, owner: str) -> tuple[str, ...]:
    """What holds now, and what is left to do."""
    lines = []
    if status is not None:
        lines.append(tr("Network: {name}.", name=network_title(status.network.name, status.network.title)))
        lines.append(owner_now(owner, is_demo=status.network.is_demo))
    if state.agreed_at is None:
        lines.append(tr("You have not agreed yet to what this computer will do. The first page asks for it."))
    elif status is not None and status.state is not NodeState.STOPPED:
        lines.append(tr("Work was started already."))
    else:
        lines.append(tr("Press Start earning now, or later on the Home page."))
    return tuple(lines)
