"""The settings as an agent tells them, from their real definitions, for tests of what shows them."""

from datetime import datetime

from mulberry.agent.computer_settings import ComputerSettings
from mulberry.agent.setting import describe
from mulberry.agent.settings import Settings
from mulberry.model.foretelling import contradictions, foretell
from mulberry.model.settings import SettingsStatus
from samples import NOON


def told(
    computer: ComputerSettings = ComputerSettings(),  # noqa: B008 - frozen
    network: Settings = Settings(),  # noqa: B008 - frozen
    now: datetime = NOON,
) -> SettingsStatus:
    """As `Choices` would tell them."""
    return SettingsStatus(
        (*describe(computer, of_computer=True), *describe(network, of_computer=False)),
        contradictions(computer.rules, now),
        foretell(computer.rules, now),
    )


SETTINGS = told()
