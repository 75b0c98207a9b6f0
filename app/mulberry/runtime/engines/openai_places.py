"""Where an owner's own servers are, how one gets there, and what is the matter when one does not serve.

Prompts of strangers go there, so what an owner has to know of the way stands here: whether it leaves this computer, and
whether it is encrypted.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import aiohttp
from yarl import URL

from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.language import tr
from mulberry.model.node import OwnServer

KEY_LIMIT_BYTES = 4096
IN_THE_CLEAR = tr("`--engine-in-the-clear`, or `engine_in_the_clear` in the settings")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a server does not serve, and what its owner can do: a sentence each. A starting server answers by itself."""

    what: str
    next_step: str
    whose_turn: WhoseTurn = WhoseTurn.YOU


NOT_ASKED = Trouble(tr("It was not asked yet."), "", WhoseTurn.NOBODY)
SILENT = Trouble(
    tr("It does not answer."),
    tr("Start it, or see that this computer reaches it; that may come by itself."),
    WhoseTurn.NOBODY,
)
NO_LIST = Trouble(
    tr("It does not speak OpenAI's language."),
    tr("Name the URL of an OpenAI-compatible server, up to what stands before /v1."),
)
WANTS_A_KEY = Trouble(
    tr("It asks for a key."),
    tr("Name a file that holds it: `--engine-key-file`, or `engine_key_file` in the settings."),
)


def server_url(text: str) -> URL:
    """The place of a server's API without `/v1`. Raises `ValueError` with a sentence for the owner."""
    try:
        url = URL(text)
        port = url.port
    except ValueError:
        raise ValueError(tr("{text} is no URL", text=f"{text!r}")) from None
    if url.scheme not in ("http", "https") or not url.host or not port:
        raise ValueError(tr("{text} must begin with http:// or https:// and name a computer", text=f"{text!r}"))
    if url.user or url.password or url.query_string or url.fragment:
        raise ValueError(tr("an engine's URL holds no user, password, question mark or number sign"))
    return url.with_path(url.path.rstrip("/").removesuffix("/v1").rstrip("/") or "/")


def own_server(url: URL) -> OwnServer:
    """What the faces say of it."""
    host = url.host or ""
    try:
        is_here = ip_address(host).is_loopback
    except ValueError:
        is_here = host == "localhost"
    return OwnServer(url.host_port_subcomponent or host, is_here, is_encrypted=url.scheme == "https")


def check_ways(urls: tuple[str, ...], key_file: str | None, *, in_the_clear: bool) -> None:
    """Raises `UserFacingError`: prompts would leave this computer readable on the way, and nobody said that they may;
    or a key would, which it never does."""
    open_ways = [
        server for server in map(own_server, map(server_url, urls)) if not (server.is_here or server.is_encrypted)
    ]
    if not open_ways:
        return
    name = open_ways[0].name
    if not in_the_clear:
        raise UserFacingError(
            what=tr("Strangers' prompts would go to {name} in the clear.", name=name),
            why=tr("Its URL begins with http://, so everybody on the way can read and change them."),
            next_step=tr(
                "Give it a URL with https://; or, where the way is yours alone, say so: {option}.",
                option=IN_THE_CLEAR,
            ),
        )
    if key_file is not None:
        raise UserFacingError(
            what=tr("The key for your servers would go to {name} in the clear.", name=name),
            why=tr("Its URL begins with http://, and whoever reads the key on the way can use the server."),
            next_step=tr("Give it a URL with https://, or run it without a key."),
        )


def read_key(path: Path) -> str:
    """The API key in a file's only line. Raises `UserFacingError`, with nothing of the key."""
    try:
        with path.open("rb") as file:
            key = file.read(KEY_LIMIT_BYTES).decode("ascii").strip()
    except OSError as problem:
        raise _no_key(path, f"{problem.strerror or problem}.") from None
    except UnicodeDecodeError:
        raise _no_key(path, tr("It is no plain text.")) from None
    if not key or any(not "!" <= letter <= "~" for letter in key):
        raise _no_key(path, tr("It does not hold one key, alone in one line."))
    return key


def _no_key(path: Path, why: str) -> UserFacingError:
    return UserFacingError(
        what=tr("The key for your servers could not be read from {path}.", path=path),
        why=why,
        next_step=tr("Write the key into that file, alone in one line, or name another file."),
    )


def unreachable(problem: Exception) -> Trouble:
    """What an attempt to ask a server ended with."""
    if isinstance(problem, aiohttp.ClientSSLError):
        return Trouble(
            tr("Its certificate is not accepted."),
            tr("Give it one that this computer trusts, or add its issuer to the system's list."),
        )
    if isinstance(problem, aiohttp.ClientConnectorDNSError):
        return Trouble(
            tr("No computer of that name is known."), tr("Correct the name in its URL, or see to the network.")
        )
    if isinstance(problem, ConnectionRefusedError) or isinstance(
        getattr(problem, "os_error", None), ConnectionRefusedError
    ):
        return Trouble(tr("Nobody listens there."), tr("Start it, or correct the port in its URL."), WhoseTurn.NOBODY)
    return SILENT


def unfit(status: int, key_file: Path | None) -> Trouble | None:
    """What the HTTP status of a server's list of models says. None: nothing is the matter."""
    if status == 200:
        return None
    if status in (401, 403):
        if key_file is None:
            return WANTS_A_KEY
        return Trouble(tr("It does not accept the key."), tr("Write the right one into {path}.", path=key_file))
    if 300 <= status < 400:
        return Trouble(
            tr("It sends requests elsewhere (HTTP status {status}), where Mulberry does not follow.", status=status),
            tr("Name the URL to which it sends them."),
        )
    if status == 404:
        return Trouble(tr("It has no list of models at /v1/models."), NO_LIST.next_step)
    return Trouble(
        tr("It answered with HTTP status {status}.", status=status),
        tr("Look into that server's own log."),
        WhoseTurn.NOBODY,
    )


def not_served(model: str) -> Trouble:
    return Trouble(
        tr("It does not serve {model}.", model=model),
        tr("Start it with that model under exactly this name (vLLM: --served-model-name {model}).", model=model),
    )
