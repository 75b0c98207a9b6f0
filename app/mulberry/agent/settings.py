"""What the owner chose for one network."""

from pathlib import Path

from pydantic import field_validator

from mulberry.agent.collateral_service import service_address
from mulberry.agent.setting import SettingsModel, setting
from mulberry.agent.settings_file import SettingsFile
from mulberry.model.clock import Clock
from mulberry.model.language import tr
from mulberry.model.settings import Page, TakesEffect
from mulberry.runtime.engines.openai_places import server_url
from mulberry.ton.address import parse_address

NEXT_START, NEXT_AGENT = TakesEffect.NEXT_START, TakesEffect.NEXT_AGENT


class Settings(SettingsModel):
    owner_address: str | None = setting(
        None,
        tr("Owner's address"),
        tr("The address on TON that is paid. Without one, only a demo network's own is."),
        Page.EARNING,
        takes_effect=NEXT_START,
        elsewhere=tr("Use `mulberry owner`, or the Wallet page."),
        max_length=80,
    )
    coefficient: int = setting(
        1000,
        tr("Price"),
        tr("What you ask, in thousandths of the network's price: 1000 is its own, 1500 half as much again."),
        Page.EARNING,
        unit=tr("thousandths"),
        ge=0,
        lt=10**9,
    )
    max_active_requests: int = setting(
        16,
        tr("Requests at once"),
        tr("How many requests may run at the same time on each GPU; more use more of its memory."),
        Page.EARNING,
        takes_effect=NEXT_START,
        ge=1,
        le=1024,
    )
    owed_limit: int | None = setting(
        None,
        tr("Most owed"),
        tr("Work for a proxy ends when it owes more than this without having signed for it."),
        Page.EARNING,
        unit=tr("nanoton"),
        for_experts=True,
        ge=0,
    )
    underpaid_limit: int | None = setting(
        None,
        tr("Most underpaid"),
        tr("Work for a proxy ends when it has confirmed so much less than was counted here."),
        Page.EARNING,
        unit=tr("nanoton"),
        for_experts=True,
        ge=0,
    )
    model_folder: str | None = setting(
        None,
        tr("Model folder"),
        tr("The absolute path of a model's folder, instead of the bundled or imported one."),
        Page.OPERATORS,
        takes_effect=NEXT_START,
        for_experts=True,
        min_length=1,
        max_length=4096,
    )
    engine_urls: tuple[str, ...] = setting(
        (),
        tr("Servers of your own"),
        tr("OpenAI-compatible servers that run the jobs instead of this computer. Prompts then leave it."),
        Page.OPERATORS,
        takes_effect=NEXT_START,
        for_experts=True,
        max_length=64,
    )
    engine_key_file: str | None = setting(
        None,
        tr("Key for these servers"),
        tr("The path of a file that holds the key they ask for."),
        Page.OPERATORS,
        takes_effect=NEXT_START,
        for_experts=True,
        max_length=4096,
    )
    engine_in_the_clear: bool = setting(
        False,
        tr("Prompts in the clear"),
        tr("Lets prompts go to servers on other computers over plain HTTP, where others may read them."),
        Page.OPERATORS,
        takes_effect=NEXT_START,
        for_experts=True,
    )
    restart_between_jobs: bool = setting(
        False,
        tr("A new process for each request"),
        tr("Each request gets a job process that has served nobody before. Slower."),
        Page.OPERATORS,
        takes_effect=NEXT_START,
        for_experts=True,
    )
    stats_port: int | None = setting(
        None,
        tr("Stats page"),
        tr("The port of 127.0.0.1 on which a page for operators' tools is served."),
        Page.OPERATORS,
        takes_effect=NEXT_AGENT,
        for_experts=True,
        ge=1,
        le=65535,
    )
    ton_config: str | None = setting(
        None,
        tr("TON servers"),
        tr(
            "The path of a global.config.json, as TON publishes it, whose lite servers are asked instead of the "
            "network's."
        ),
        Page.OPERATORS,
        takes_effect=NEXT_AGENT,
        for_experts=True,
        min_length=1,
        max_length=4096,
    )
    passphrase_file: str | None = setting(
        None,
        tr("Passphrase file"),
        tr(
            "The path of a file with the passphrase of the node wallet's key, for servers that start with nobody there."
        ),
        Page.OPERATORS,
        takes_effect=NEXT_AGENT,
        for_experts=True,
        min_length=1,
        max_length=4096,
    )
    node_key_file: str | None = setting(
        None,
        tr("Key file"),
        tr("The path of a file with the node wallet's key itself, as the public worker has it."),
        Page.OPERATORS,
        takes_effect=NEXT_AGENT,
        for_experts=True,
        min_length=1,
        max_length=4096,
    )
    collateral_service: str | None = setting(
        None,
        tr("Collateral service"),
        tr("The address of a cache (PCCS) that is asked for Intel's word on TDX platforms, instead of Intel."),
        Page.OPERATORS,
        takes_effect=NEXT_AGENT,
        for_experts=True,
        max_length=2048,
    )

    @field_validator("owner_address")
    @classmethod
    def _an_address(cls, value: str | None) -> str | None:
        if value is not None:
            parse_address(value)
        return value

    @field_validator("engine_urls")
    @classmethod
    def _urls(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for url in value:
            server_url(url)
        return value

    @field_validator("collateral_service")
    @classmethod
    def _a_service(cls, value: str | None) -> str | None:
        return None if value is None else service_address(value)


def load_settings(path: Path, clock: Clock) -> Settings:
    """Raises `UserFacingError`: they are of a newer Mulberry."""
    return SettingsFile(path).load(Settings, clock)


def save_settings(path: Path, settings: Settings) -> None:
    """Raises `UserFacingError`: they could not be written."""
    SettingsFile(path).save(settings)
