"""What the first steps say, page by page: the truth before the first decision."""

from dataclasses import dataclass
from datetime import datetime

from mulberry.client.autostart import Starts
from mulberry.model.first_run import STEPS, FirstRun, FirstStep, Preset
from mulberry.model.key import KeyState, KeyStatus
from mulberry.model.node import NodeState, Status

LATER, BACK, SKIP, CONTINUE = "Finish later", "Back", "Skip", "Continue"
AGREE, LOOK_AROUND = "I agree, continue", "Skip, I only look around"
START, TO_HOME = "Start earning", "To the Home page"
ONE_MOMENT = "One moment…"
FILE = "A file…"


@dataclass(frozen=True, slots=True)
class Heading:
    title: str
    lead: str


HEADINGS = {
    FirstStep.WELCOME: Heading(
        "Lend your GPU, earn Toncoin",
        "Mulberry answers requests of the Cocoon network with AI models on this computer. You are paid in Toncoin.",
    ),
    FirstStep.CAN_EARN: Heading(
        "Can this computer earn?",
        "Each network asks for something else. This is what was found here, before you buy or download anything.",
    ),
    FirstStep.NETWORK: Heading(
        "Which network?",
        "You can look around in the demo network first, and choose another one whenever you like.",
    ),
    FirstStep.OWNER: Heading(
        "Where do earnings go?",
        "To an address on TON of a wallet of yours. Mulberry never asks for that wallet's key or its 24 words.",
    ),
    FirstStep.KEY: Heading(
        "Back up the node wallet's key",
        "This computer has a small wallet of its own that pays the network's fees. "
        "A backup lets another computer go on with it.",
    ),
    FirstStep.WHEN: Heading(
        "When may it work?",
        "Three usual answers. The Settings page has all the rules, and each can be changed there.",
    ),
    FirstStep.AUTOSTART: Heading(
        "What starts when you log in?",
        "Nothing does, unless you say so here. What starts goes on with what you wished last: stopped stays stopped.",
    ),
    FirstStep.NEWS: Heading(
        "What may it tell you?",
        "Messages on your desktop, by kind. Each switch holds at once.",
    ),
    FirstStep.END: Heading("That is all", "Everything here can be changed later in the window."),
}

WELCOME = (
    "It uses your graphics card and electricity while it works, and the fans will be heard. It stops when you say so.",
    "Strangers' requests run in a process of their own inside a sandbox. Their text is neither stored nor logged.",
    "Proxies of the network see your IP address and which model you offer.",
    "What it earns depends on how much the network asks for. It may be less than the electricity costs, or nothing.",
    "On an ordinary computer its owner could read the requests. Only proofs by the hardware exclude that, and the main "
    "network asks for them.",
)
NOTHING_BEFORE_START = "Nothing of this begins before you press Start earning. To press it anywhere is to agree, too."

ABOUT_NETWORKS = {
    "demo": "A whole network on this computer: real requests and answers, made-up customers. It pays play money, "
    "which is worth nothing.",
    "mainnet": "Real customers and real Toncoin. It takes only computers that prove what they run: an H100-class GPU "
    "in confidential mode inside an Intel TDX guest.",
    "test": "Joined by a file. Whether what it pays is worth anything is for those to say who run it.",
}
ABOUT_FILE = "A network's profile, or the parameters that the public test programs read."
CHANGING_STOPS = "The work for this network is stopped first and its agent ended: one network at a time uses the GPU."
LEAVING = "Ending the agent of this network…"

OWNER_FIELD = "Address on TON"
OWNER_HINT = "Type it or paste it. A mistyped address is noticed, because it carries a checksum."
NOBODY_YET = "Nobody is named yet. Work for this network can start when somebody is."
DEMO_OWNER = "The demo network pays to an address made for the demo. You need none of yours here."

NO_KEY_YET = "There is nothing to back up yet: the key is made when the node first starts."
DEMO_KEY = "On the demo network it guards play money, so a backup is only for practice."
LATER_ON_WALLET = "The Wallet page has the same buttons at any time."

OWN_RULES = "You have rules of your own. They stay as they are unless you choose one of these."
PRESETS = {
    Preset.UNDISTURBED: (
        "Whenever it does not disturb",
        "Day and night, but not on battery, not on a metered network and not while a game or film fills the screen.",
    ),
    Preset.AWAY: (
        "Only while I am away",
        "The same, and only when nobody has touched keyboard or mouse for 10 minutes.",
    ),
    Preset.NIGHT: ("Only at night", "The same, and only from 22:00 to 7:00."),
}
AUTOSTARTS = {
    Starts.NOTHING: ("Nothing", "You start Mulberry yourself."),
    Starts.AGENT: ("The agent, without a window", "It earns in the background where you wished so last."),
    Starts.WINDOW: ("The agent, and the icon in the tray", "The same, and you see at a glance what it does."),
}


def progress(state: FirstRun) -> str:
    return f"Step {state.number} of {len(STEPS)}"


def agreed(agreed_at: datetime | None) -> str:
    if agreed_at is None:
        return NOTHING_BEFORE_START
    return f"You agreed on {agreed_at.astimezone():%d %B %Y}. {NOTHING_BEFORE_START}"


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
    return f"Payouts go to {owner}." if owner else NOBODY_YET


def key_now(key: KeyStatus, *, is_demo: bool) -> str:
    if key.state is KeyState.UNREAD:
        return f"{NO_KEY_YET} {LATER_ON_WALLET}"
    return f"{DEMO_KEY} {LATER_ON_WALLET}" if is_demo else LATER_ON_WALLET


def end_lines(state: FirstRun, status: Status | None, owner: str) -> tuple[str, ...]:
    """What holds now, and what is left to do."""
    lines = []
    if status is not None:
        lines.append(f"Network: {status.network.title}.")
        lines.append(owner_now(owner, is_demo=status.network.is_demo))
    if state.agreed_at is None:
        lines.append("You have not agreed yet to what this computer will do. The first page asks for it.")
    elif status is not None and status.state is not NodeState.STOPPED:
        lines.append("Work was started already.")
    else:
        lines.append("Press Start earning now, or later on the Home page.")
    return tuple(lines)
