"""All that the owner chose, for this network and for this computer: shown, tried out and changed in one place."""

from collections.abc import Callable
from dataclasses import dataclass

from mulberry.agent.computer_settings import ComputerSettings, computer_file
from mulberry.agent.setting import describe
from mulberry.agent.settings import Settings, load_settings, save_settings
from mulberry.agent.settings_file import Values, changed
from mulberry.model.clock import Clock
from mulberry.model.errors import UserFacingError
from mulberry.model.foretelling import contradictions, foretell
from mulberry.model.gpu import GpuInfo
from mulberry.model.language import tr
from mulberry.model.places import DataFolder
from mulberry.model.power_cap import in_watts
from mulberry.model.rules import Rules
from mulberry.model.settings import SettingsChange, SettingsStatus
from mulberry.model.text import plain


@dataclass(frozen=True, slots=True)
class Chosen:
    """What holds now."""

    network: Settings
    computer: ComputerSettings


class Choices:
    """Reads both files anew when asked: the computer's settings are shared by the agents of several networks.

    `gpus` are those that are known now.
    """

    def __init__(self, folder: DataFolder, clock: Clock, gpus: Callable[[], tuple[GpuInfo, ...]] = lambda: ()) -> None:
        self._folder = folder
        self._clock = clock
        self._gpus = gpus
        self._computer = computer_file(folder.path.parent)

    def read(self) -> Chosen:
        """Raises `UserFacingError`: a file is of a newer Mulberry, or cannot be read."""
        network = load_settings(self._folder.settings, self._clock)
        return Chosen(network, self._computer.load(ComputerSettings, self._clock))

    def status(self) -> SettingsStatus:
        """Raises `UserFacingError` as `read` does."""
        return self._status(self.read())

    def change(self, change: SettingsChange) -> tuple[Chosen, SettingsStatus]:
        """Stores what was changed, all of it or nothing, unless it is only tried; what holds then.

        Raises `UserFacingError`: a name or value cannot be had, or a file cannot be written.
        """
        for name in (*change.values, *change.reset):
            if name not in Settings.model_fields and name not in ComputerSettings.model_fields:
                raise _not_changed(
                    tr("There is no setting “{name}”.", name=plain(name, 60)),
                    tr("`mulberry config list` names them all."),
                )
        before = self.read()
        computer = self._with_date(before.computer, _changed(before.computer, change), change)
        after = Chosen(_changed(before.network, change), computer)
        for gpu in self._gpus():
            _refuse_impossible_cap(gpu, before.computer.rules, computer.rules)
        if not change.only_try:
            if after.network != before.network:
                save_settings(self._folder.settings, after.network)
            if after.computer != before.computer:
                self._computer.save(after.computer)
        return after, self._status(after)

    def _with_date(self, before: ComputerSettings, after: ComputerSettings, change: SettingsChange) -> ComputerSettings:
        """A price of Toncoin is worth what its date is; one that was typed for another currency is worth nothing."""
        if "toncoin_price" in (*change.values, *change.reset):
            typed_at = None if after.toncoin_price is None else self._clock.now().replace(microsecond=0)
            return after.model_copy(update={"toncoin_price_typed_at": typed_at})
        if after.currency != before.currency:
            return after.model_copy(update={"toncoin_price_typed_at": None})
        return after

    def _status(self, chosen: Chosen) -> SettingsStatus:
        rules, now = chosen.computer.rules, self._clock.now()
        return SettingsStatus(
            settings=(*describe(chosen.computer, of_computer=True), *describe(chosen.network, of_computer=False)),
            contradictions=contradictions(rules, now),
            foretold=foretell(rules, now),
        )


def refuse_special(change: SettingsChange) -> None:
    """Raises `UserFacingError`: more than a file has to change for one of them, so it has a way of its own."""
    every = (*describe(ComputerSettings(), of_computer=True), *describe(Settings(), of_computer=False))
    for setting in every:
        if setting.elsewhere and setting.name in (*change.values, *change.reset):
            raise _not_changed(tr("More than a file has to change for it."), setting.elsewhere)


def _refuse_impossible_cap(gpu: GpuInfo, before: Rules, after: Rules) -> None:
    """Raises `UserFacingError`: a cap that is new for this GPU is none that its driver can be told to keep.

    One for all GPUs may be more than this one ever draws.
    """
    watt = after.of_gpu(gpu.uuid).power_cap_watt
    if watt is None or gpu.power_limit_range_milliwatt is None or watt == before.of_gpu(gpu.uuid).power_cap_watt:
        return
    least, most = gpu.power_limit_range_milliwatt
    is_its_own = any(own.uuid == gpu.uuid and own.power_cap_watt is not None for own in after.gpus)
    if watt * 1000 < least or (is_its_own and watt * 1000 > most):
        raise _not_changed(
            tr(
                "The driver of {gpu} takes a power limit from {least} to {most} W.",
                gpu=gpu.name,
                least=in_watts(least),
                most=in_watts(most),
            ),
            tr("Choose such a value, or a cap for each GPU, or keep this GPU for yourself."),
        )


def _changed(values: Values, change: SettingsChange) -> Values:
    """With those changes that concern these values."""
    own = type(values).model_fields
    new = {name: value for name, value in change.values.items() if name in own}
    return changed(values, new, tuple(name for name in change.reset if name in own))


def _not_changed(why: str, next_step: str) -> UserFacingError:
    return UserFacingError(tr("The setting was not changed."), why, next_step)
