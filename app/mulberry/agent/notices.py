"""What was set aside and still lies there, for its owner to see."""

from mulberry.agent import reasons
from mulberry.agent.ledger import ledgers_set_aside
from mulberry.model.files import kept_aside
from mulberry.model.node import Reason
from mulberry.model.places import DataFolder


def notices(folder: DataFolder) -> tuple[Reason, ...]:
    """Looked for at the agent's start and at each of its owner's words."""
    ledgers = [reasons.ledger_set_aside(aside) for aside in ledgers_set_aside(folder.ledger)]
    files = [aside for path in (folder.settings, folder.intent) for aside in kept_aside(path)]
    return (*ledgers, *(reasons.settings_set_aside(aside) for aside in files))
