"""What the owner chose for this computer, whichever network it works for."""

from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, field_validator

from mulberry.agent.bounded_get import web_address
from mulberry.agent.setting import SettingsModel, setting
from mulberry.agent.settings_file import SettingsFile
from mulberry.agent.toncoin_price import MOST_THOUSANDTHS, PriceWish
from mulberry.agent.updates.wish import UpdateWish
from mulberry.model.language import number, tr
from mulberry.model.places import computer_settings
from mulberry.model.power_cap import LEAST_CAP, MOST_CAP
from mulberry.model.rules import COOLEST_CEILING, HOTTEST_CEILING, LEAST_LOAD, MOST_LOAD, GpuRules, Rules
from mulberry.model.settings import Page, Shape, TakesEffect
from mulberry.model.week import ALWAYS, HOURS_A_DAY, DayTimes, Week

MOST_PRICE = 10_000  # thousandths of a currency for a kilowatt-hour
SUGGESTED_PRICE = 300
MOST_APPS = 200


class ComputerSettings(SettingsModel):
    schedule: tuple[str, ...] = setting(
        ALWAYS.days,
        tr("Weekly schedule"),
        # Translators: the names of the days stay as they are; this is how they are typed.
        tr("The hours of the week, by your clock, in which it may work, like Mon-Fri 8-18, Sat-Sun 0-24."),
        Page.WHEN,
        shape=Shape.WEEK,
    )
    quiet_hours: str | None = setting(
        None,
        tr("Quiet hours"),
        tr("Times of each day in which the fans must rest, like 22:00-07:00."),
        Page.WHEN,
        shape=Shape.TIMES,
        suggested="22:00-07:00",
    )
    idle_minutes: int | None = setting(
        None,
        tr("Only when idle"),
        tr("How long nobody may have touched keyboard or mouse before it works."),
        Page.WHEN,
        unit=tr("minutes"),
        suggested=10,
        ge=1,
        le=24 * 60,
    )
    pause_on_battery: bool = setting(
        True, tr("Pause on battery"), tr("Not while the computer runs on its battery."), Page.WHEN
    )
    pause_on_metered: bool = setting(
        True, tr("Pause on a metered network"), tr("Not while the system calls the connection metered."), Page.WHEN
    )
    pause_in_full_screen: bool = setting(
        True, tr("Pause in full screen"), tr("Not while a program fills the screen, as games and films do."), Page.WHEN
    )
    pause_for_apps: tuple[str, ...] = setting(
        (),
        tr("Pause for these programs"),
        tr("Names of programs, as the system lists them, during which it does not work."),
        Page.WHEN,
        max_length=MOST_APPS,
    )
    other_load_percent: int | None = setting(
        None,
        tr("Pause for other load"),
        tr("How much of a GPU's time other programs may use before it leaves the GPU to them."),
        Page.WHEN,
        unit="%",
        suggested=20,
        ge=LEAST_LOAD,
        le=MOST_LOAD,
    )
    ceiling_celsius: int | None = setting(
        None,
        tr("Temperature ceiling"),
        tr("A GPU that is this hot rests until it has cooled."),
        Page.WHEN,
        unit="°C",
        suggested=80,
        ge=COOLEST_CEILING,
        le=HOTTEST_CEILING,
    )
    power_cap_watt: int | None = setting(
        None,
        tr("Power cap"),
        tr("A GPU whose driver lets it draw more than this rests until an administrator has set the driver's limit."),
        Page.WHEN,
        unit="W",
        ge=LEAST_CAP,
        le=MOST_CAP,
    )
    gpus: tuple[GpuRules, ...] = setting(
        (),
        tr("Rules for single GPUs"),
        tr("Whether a GPU may be used, and a temperature ceiling, a limit for other load and a power cap of its own."),
        Page.WHEN,
        shape=Shape.GPUS,
        max_length=64,
    )
    currency: str = setting(
        "EUR", tr("Currency"), tr("Three letters, of the prices below."), Page.ELECTRICITY, pattern="^[A-Z]{3}$"
    )
    electricity_price: int | None = setting(
        None,
        tr("Price of electricity"),
        tr("What a kilowatt-hour costs, in thousandths: 312 is 0.312."),
        Page.ELECTRICITY,
        unit=tr("thousandths per kWh"),
        ge=0,
        le=MOST_PRICE,
    )
    electricity_prices: tuple[int, ...] = setting(
        (),
        tr("Prices by the hour"),
        tr(
            "24 prices from midnight, in thousandths per kWh, where your tariff has them; they go before the single "
            "price."
        ),
        Page.ELECTRICITY,
        shape=Shape.HOURS,
        suggested=[SUGGESTED_PRICE] * HOURS_A_DAY,
    )
    dearest_price: int | None = setting(
        None,
        tr("Dearest price to work at"),
        tr("It does not work in hours in which electricity costs more."),
        Page.ELECTRICITY,
        unit=tr("thousandths per kWh"),
        ge=0,
        le=MOST_PRICE,
    )
    base_watt: int = setting(
        0,
        tr("The computer's own power"),
        tr("What the computer draws besides its GPUs because it stays on for this: 0 if it would run anyway."),
        Page.ELECTRICITY,
        unit="W",
        ge=0,
        le=5000,
    )
    toncoin_price: int | None = setting(
        None,
        tr("Price of Toncoin"),
        tr("What a Toncoin costs, in thousandths: 2950 is 2.950. It is used for 7 days after you typed it."),
        Page.ELECTRICITY,
        unit=tr("thousandths per TON"),
        ge=1,
        le=MOST_THOUSANDTHS,
    )
    toncoin_price_typed_at: AwareDatetime | None = setting(
        None,
        tr("Price typed at"),
        tr("When the price of Toncoin was typed."),
        Page.ELECTRICITY,
        for_experts=True,
        elsewhere=tr("Type the price of Toncoin anew; this time is then written by itself."),
    )
    toncoin_price_url: str | None = setting(
        None,
        tr("Address for the price of Toncoin"),
        tr(
            "Is asked for the price, at most each 15 minutes, so it learns your IP address; {currency} becomes eur "
            "and the like. Its answer is used for an hour."
        ),
        Page.ELECTRICITY,
        min_length=1,
        max_length=2048,
    )
    toncoin_price_path: str = setting(
        "the-open-network/{currency}",
        tr("Place of the price"),
        tr("Where the number stands in the JSON that this address gives: names with / between them."),
        Page.ELECTRICITY,
        for_experts=True,
        min_length=1,
        max_length=200,
    )
    stop_at_loss: bool = setting(
        False,
        tr("Stop at a loss"),
        tr(
            "Not while electricity costs more than the last hours of work earned. After 6 hours of rest it tries for an"
            " hour what it earns then. Needs a price of electricity and one of Toncoin."
        ),
        Page.ELECTRICITY,
    )
    notify_payout: bool = setting(True, tr("A payout arrived"), tr("Tell when Toncoin arrived."), Page.NOTIFICATIONS)
    notify_needs_you: bool = setting(True, tr("It needs you"), tr("Tell when only you can go on."), Page.NOTIFICATIONS)
    notify_paused: bool = setting(
        False, tr("Pause and go on"), tr("Tell when a rule pauses the work or lets it go on."), Page.NOTIFICATIONS
    )
    notify_away: bool = setting(
        True, tr("While you were away"), tr("Say what happened when you come back."), Page.NOTIFICATIONS
    )
    language: Literal["system", "en", "de", "id", "ru"] = setting(
        "system",
        tr("Language"),
        tr("Of the window and the agent, each from its next start on; the command line speaks English."),
        Page.LOOKS,
        takes_effect=TakesEffect.NEXT_AGENT,
    )
    notify_update: bool = setting(
        True, tr("A newer version"), tr("Tell when there is a newer version of Mulberry."), Page.NOTIFICATIONS
    )
    look: Literal["system", "light", "dark", "high contrast"] = setting(
        "system", tr("Look"), tr("Light, dark or with high contrast."), Page.LOOKS
    )

    update_check: bool = setting(
        False,
        tr("Look for updates"),
        tr(
            "Asks the feed of releases once a day whether there is a newer version; whoever serves it learns your IP"
            " address. Nothing is fetched or replaced before you say so."
        ),
        Page.PRIVACY,
    )
    update_feed: str | None = setting(
        None,
        tr("Address of the feed of releases"),
        tr("Is asked instead of the one that this copy came with. Only what the release keys have signed is believed."),
        Page.PRIVACY,
        for_experts=True,
        min_length=1,
        max_length=2048,
    )

    @field_validator("schedule")
    @classmethod
    def _a_week(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return Week(value).days

    @field_validator("quiet_hours")
    @classmethod
    def _times(cls, value: str | None) -> str | None:
        return value if value is None else str(DayTimes.read(value))

    @field_validator("pause_for_apps")
    @classmethod
    def _programs(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(0 < len(app.strip()) <= 255 for app in value):
            raise ValueError(tr("a program's name has 1 to 255 characters"))
        return tuple(dict.fromkeys(app.strip() for app in value))

    @field_validator("electricity_prices")
    @classmethod
    def _a_price_an_hour(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(value) not in (0, HOURS_A_DAY) or not all(0 <= price <= MOST_PRICE for price in value):
            raise ValueError(
                tr(
                    "{hours} prices, each from 0 to {highest}, or none",
                    hours=HOURS_A_DAY,
                    highest=number(f"{MOST_PRICE:,}"),
                )
            )
        return value

    @field_validator("gpus")
    @classmethod
    def _gpu_rules(cls, value: tuple[GpuRules, ...]) -> tuple[GpuRules, ...]:
        for gpu in value:
            if gpu.ceiling_celsius is not None and not COOLEST_CEILING <= gpu.ceiling_celsius <= HOTTEST_CEILING:
                raise ValueError(
                    tr("a ceiling lies from {lowest} to {highest} °C", lowest=COOLEST_CEILING, highest=HOTTEST_CEILING)
                )
            if gpu.other_load_percent is not None and not LEAST_LOAD <= gpu.other_load_percent <= MOST_LOAD:
                raise ValueError(
                    tr("a limit for other load lies from {lowest} to {highest} %", lowest=LEAST_LOAD, highest=MOST_LOAD)
                )
            if gpu.power_cap_watt is not None and not LEAST_CAP <= gpu.power_cap_watt <= MOST_CAP:
                raise ValueError(
                    tr(
                        "a power cap lies from {lowest} to {highest} W",
                        lowest=LEAST_CAP,
                        highest=number(f"{MOST_CAP:,}"),
                    )
                )
        return value

    @field_validator("toncoin_price_url", "update_feed")
    @classmethod
    def _an_address(cls, value: str | None) -> str | None:
        return None if value is None else web_address(value)

    @property
    def toncoin_price_wish(self) -> PriceWish:
        """How the price of Toncoin is to be known."""
        return PriceWish(
            self.currency,
            self.toncoin_price,
            self.toncoin_price_typed_at,
            self.toncoin_price_url,
            self.toncoin_price_path,
        )

    @property
    def update_wish(self) -> UpdateWish:
        """Whether its owner wants to be told of updates, and by whom."""
        return UpdateWish(self.update_check, self.update_feed)

    @property
    def rules(self) -> Rules:
        """The rules among them."""
        flat = (self.electricity_price,) * HOURS_A_DAY if self.electricity_price is not None else ()
        return Rules(
            schedule=Week(self.schedule),
            quiet=None if self.quiet_hours is None else DayTimes.read(self.quiet_hours),
            idle_minutes=self.idle_minutes,
            pause_on_battery=self.pause_on_battery,
            pause_on_metered=self.pause_on_metered,
            apps=self.pause_for_apps,
            pause_in_full_screen=self.pause_in_full_screen,
            other_load_percent=self.other_load_percent,
            ceiling_celsius=self.ceiling_celsius,
            power_cap_watt=self.power_cap_watt,
            prices=self.electricity_prices or flat,
            dearest=self.dearest_price,
            stop_at_loss=self.stop_at_loss,
            gpus=self.gpus,
        )


def computer_file(root: Path) -> SettingsFile:
    """In the data folder of all networks."""
    return SettingsFile(computer_settings(root))
