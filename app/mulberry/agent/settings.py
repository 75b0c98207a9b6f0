"""What the owner chose for one network. A file that cannot be used is kept aside and the defaults hold."""

import logging
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mulberry.agent.collateral_service import service_address
from mulberry.model.clock import Clock
from mulberry.model.errors import UserFacingError
from mulberry.model.files import keep_aside, read_bounded, write_whole
from mulberry.runtime.engines.openai_places import server_url
from mulberry.ton.address import parse_address

log = logging.getLogger(__name__)


class Settings(BaseModel):
    """`coefficient` is our price in thousandths (1000 = the network's own), `owner_address` where payouts go.

    None for the owner's address means the profile's, which only a demo network has. `owed_limit` and
    `underpaid_limit`, in nanoton, end work for a proxy that has not signed for more than that, or has confirmed so much
    less than we counted. `model_folder` is an absolute path, instead of the profile's bundled model. `engine_urls` are
    OpenAI-compatible servers that run the jobs instead of our own process; `engine_key_file` holds the key that they
    ask for, and `engine_in_the_clear` lets prompts go to other computers over plain HTTP.
    `restart_between_jobs` gives each request a job process that has served nobody before. On `stats_port` of 127.0.0.1
    the stats page is served. `ton_config` names a global.config.json, as TON publishes it, whose lite servers are asked
    instead of the network's own. `passphrase_file` names a file with the node wallet key's passphrase, for servers that
    start without anybody there, and `node_key_file` one with the key itself, as the public worker has it.
    `collateral_service` is a cache (PCCS) that is asked for Intel's word on TDX platforms, instead of Intel.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)
    owner_address: str | None = Field(default=None, max_length=80)
    coefficient: int = Field(default=1000, ge=0, lt=10**9)
    passphrase_file: str | None = Field(default=None, min_length=1, max_length=4096)
    node_key_file: str | None = Field(default=None, min_length=1, max_length=4096)
    ton_config: str | None = Field(default=None, min_length=1, max_length=4096)
    max_active_requests: int = Field(default=16, ge=1, le=1024)
    owed_limit: int | None = Field(default=None, ge=0)
    underpaid_limit: int | None = Field(default=None, ge=0)
    model_folder: str | None = Field(default=None, min_length=1, max_length=4096)
    stats_port: int | None = Field(default=None, ge=1, le=65535)
    engine_urls: tuple[str, ...] = Field(default=(), max_length=64)
    engine_key_file: str | None = Field(default=None, max_length=4096)
    engine_in_the_clear: bool = False
    restart_between_jobs: bool = False
    collateral_service: str | None = Field(default=None, max_length=2048)

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
    """The owner's settings; the defaults when there is no file, or after a file that cannot be used was kept aside."""
    try:
        untrusted = read_bounded(path)
        return Settings() if untrusted is None else Settings.model_validate_json(untrusted)
    except ValueError as mistakes:
        aside = keep_aside(path, clock)
        log.warning("the settings could not be used and were kept as %s: %s", aside.name, mistakes)
        return Settings()


def save_settings(path: Path, settings: Settings) -> None:
    write_whole(path, settings.model_dump_json(indent=2).encode() + b"\n")


def change_settings(path: Path, clock: Clock, **changes: object) -> None:
    """Changes some in the file, and nothing else of what its owner wrote. Raises `UserFacingError`: not stored."""
    try:
        save_settings(path, load_settings(path, clock).model_copy(update=changes))
    except OSError as problem:
        raise UserFacingError(
            what="The setting was not changed.",
            why=f"{path} cannot be written: {problem.strerror or problem}.",
            next_step="Make room on its disk, or see who may write there.",
        ) from problem
