"""Looks whether the owner is there, by whatever this computer has, and only for rules that are on."""

import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from mulberry.hardware.files import SystemFiles
from mulberry.hardware.presence import bus, kernel
from mulberry.hardware.presence.other_systems import Bounded, System, this_system
from mulberry.hardware.presence.screen import Desk, XScreen
from mulberry.model.host import Finding
from mulberry.model.language import tr
from mulberry.model.rules import NOT_LOOKED, Rules, Signals

METERED_EVERY = timedelta(seconds=10)


class LooksAtScreen(Protocol):
    def look(self) -> Desk: ...

    def close(self) -> None: ...


class Presence:
    """Blocking, for a thread: everything in it ends within a few seconds. `environment` names the desktop."""

    def __init__(
        self,
        files: SystemFiles | None = None,
        environment: Mapping[str, str] = os.environ,
        call: bus.Call = bus.call,
        screen: LooksAtScreen | None = None,
        system: System | None = None,
    ) -> None:
        """`system` is asked instead of Linux; by default the one that this is."""
        other = system or this_system()
        self._other = None if other is None else Bounded(other)
        self._files = files or SystemFiles()
        self._environment = environment
        self._call = call
        self._screen = screen or XScreen()
        self._metered = NOT_LOOKED
        self._metered_at: datetime | None = None

    def look(self, rules: Rules, now: datetime) -> Signals:
        """What the rules ask for; the rest is left unlooked at. `Signals.gpus` and `at_loss` are the caller's."""
        idle: Finding[float] = Finding(None, tr("nobody looked"))
        full_screen = NOT_LOOKED
        if rules.idle_minutes is not None or rules.pause_in_full_screen:
            idle, full_screen = self._desk(now, wants_idle=rules.idle_minutes is not None)
        return Signals(
            at=now,
            idle_seconds=idle,
            full_screen=full_screen,
            on_battery=self._on_battery() if rules.pause_on_battery else NOT_LOOKED,
            metered=self._metered_now(now) if rules.pause_on_metered else NOT_LOOKED,
            programs=self._programs() if rules.apps else Finding(None, tr("nobody looked")),
        )

    def _on_battery(self) -> Finding[bool]:
        other = self._other
        return kernel.on_battery(self._files) if other is None else other.ask(other.system.on_battery)

    def _programs(self) -> Finding[frozenset[str]]:
        other = self._other
        return kernel.programs(self._files) if other is None else other.ask(other.system.programs)

    def _desk(self, now: datetime, *, wants_idle: bool) -> tuple[Finding[float], Finding[bool]]:
        if self._other is not None:
            unasked: Finding[float] = Finding(None, tr("nobody looked"))
            idle = self._other.ask(self._other.system.idle_seconds) if wants_idle else unasked
            return idle, self._other.ask(self._other.system.full_screen)
        if self._environment.get("DISPLAY") and not self._environment.get("WAYLAND_DISPLAY"):
            desk = self._screen.look()
            idle, full_screen = desk.idle_seconds, desk.full_screen
        else:
            wayland = bool(self._environment.get("WAYLAND_DISPLAY"))
            why = (
                tr("Wayland tells no program")
                if wayland
                else tr("nobody is logged in at a screen, as far as this agent knows")
            )
            idle, full_screen = Finding(None, why), Finding(None, why)
        if not full_screen.is_known or not full_screen.value:
            game = bus.game_runs(self._call)
            full_screen = game if game.value or (not full_screen.is_known and game.is_known) else full_screen
        if wants_idle and not idle.is_known:
            for found in (bus.gnome_idle_seconds(self._call), bus.session_idle_seconds(now, self._call)):
                if found.is_known:
                    return found, full_screen
        return idle, full_screen

    def _metered_now(self, now: datetime) -> Finding[bool]:
        if self._metered_at is None or not now - METERED_EVERY < self._metered_at <= now:
            other = self._other
            found = bus.metered(self._call) if other is None else other.ask(other.system.metered)
            self._metered, self._metered_at = found, now
        return self._metered

    def close(self) -> None:
        self._screen.close()
