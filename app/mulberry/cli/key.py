"""`mulberry key …`: the node wallet's key, under a passphrase, in a backup, and back again. It is never printed.

A passphrase is asked for without showing it, or read from a file or the standard input; never from the arguments or
the environment, which other programs can see.
"""

import asyncio
import sys
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mulberry.cli.asking import CHOSEN_LAST, WHICH_NETWORK, Data, Network, network_of, with_agent
from mulberry.model.errors import UserFacingError

if TYPE_CHECKING:
    from mulberry.client.control import ControlClient
    from mulberry.model.key import KeyStatus

PassphraseFile = Annotated[
    Path | None,
    typer.Option(help="Read the passphrase from the first line of this file; - is the standard input."),
]
BackupFile = Annotated[Path, typer.Argument(help="The backup's file.", show_default=False)]

WHAT_IT_GUARDS = (
    "The key commands the node wallet only: money for the network's fees. Earnings go to your owner address, which "
    "can also command the node wallet at any time."
)

application = typer.Typer(help="The node wallet's key: lock, unlock, back up, check, restore.")


@application.callback(invoke_without_command=True)
def _status(
    context: typer.Context,
    network: Annotated[str, typer.Option(help=WHICH_NETWORK, show_default=False)] = CHOSEN_LAST,
    data: Data = None,
) -> None:
    """Say where the key lies and how it is."""
    if context.invoked_subcommand is None:

        async def ask(client: "ControlClient") -> "KeyStatus":
            return (await client.wallet()).key

        _say(with_agent(network_of(context, network), data, ask))
        typer.echo(WHAT_IT_GUARDS)


@application.command()
def unlock(network: Network = CHOSEN_LAST, data: Data = None, passphrase_file: PassphraseFile = None) -> None:
    """Say the passphrase; a node that waits for its key then goes on by itself."""
    passphrase = _passphrase(passphrase_file)
    _say(with_agent(network, data, lambda client: client.unlock_key(passphrase)))


@application.command()
def passphrase(network: Network = CHOSEN_LAST, data: Data = None, passphrase_file: PassphraseFile = None) -> None:
    """Keep the key under a passphrase from now on: where there is no keyring, or instead of it."""
    chosen = _new_passphrase(passphrase_file)
    _say(with_agent(network, data, lambda client: client.set_key_passphrase(chosen)))
    typer.echo(
        "After each restart of the agent the node waits for `mulberry key unlock`. Nobody can recover it for you."
    )


@application.command()
def backup(
    file: BackupFile, network: Network = CHOSEN_LAST, data: Data = None, passphrase_file: PassphraseFile = None
) -> None:
    """Write the key into a new file, under a passphrase, and check that it opens again."""
    from mulberry.client.key_backup import back_up

    typer.echo(WHAT_IT_GUARDS)
    chosen = _new_passphrase(passphrase_file)
    found = with_agent(network, data, lambda client: back_up(client, file.absolute(), chosen))
    typer.echo(f"Written, read back and opened again: {file} holds the key of {found.wallet}.")
    typer.echo("It opens with this passphrase only. Keep the two apart, and the file on another disk.")


@application.command()
def check(
    file: BackupFile, network: Network = CHOSEN_LAST, data: Data = None, passphrase_file: PassphraseFile = None
) -> None:
    """Say whose key a backup is."""
    from mulberry.client.key_backup import read_backup

    content = asyncio.run(read_backup(file))
    words = _passphrase(passphrase_file)
    found = with_agent(network, data, lambda client: client.check_key(content, words))
    typer.echo(f"It opens, and holds the key of the wallet {found.wallet}.")
    typer.echo(
        {
            True: "That is this node's wallet.",
            False: "That is not this node's wallet.",
            None: "This node has no key yet, or has not read it since it began.",
        }[found.is_this_nodes]
    )


@application.command()
def restore(
    file: BackupFile,
    network: Network = CHOSEN_LAST,
    data: Data = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Also if there is another key; that is kept aside.")
    ] = False,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Make a backup's key this node's: the same wallet, and with the same owner its whole history."""
    from mulberry.client.key_backup import read_backup

    content = asyncio.run(read_backup(file))
    words = _passphrase(passphrase_file)
    _say(with_agent(network, data, lambda client: client.restore_key(content, words, replace=replace)))


def _passphrase(file: Path | None) -> str:
    """Raises `UserFacingError`: the file is not usable, or nobody can be asked."""
    from mulberry.model.passphrase import LONGEST, read_passphrase

    if file is None:
        if not sys.stdin.isatty():
            raise UserFacingError(
                what="Nobody can be asked for the passphrase.",
                why="The standard input is no terminal.",
                next_step="Use `--passphrase-file FILE`, or `--passphrase-file -` for the standard input.",
            )
        return getpass("Passphrase: ")
    if str(file) == "-":
        return sys.stdin.readline(LONGEST + 2).rstrip("\r\n")
    return read_passphrase(file)


def _new_passphrase(file: Path | None) -> str:
    """Typed twice where somebody types."""
    from mulberry.model.passphrase import strength, why_unfit

    chosen = _passphrase(file)
    if unfit := why_unfit(chosen):
        raise UserFacingError("This passphrase cannot be used.", unfit, "Choose another one.")
    if file is None:
        typer.echo(strength(chosen))
        if getpass("Once more: ") != chosen:
            raise UserFacingError(
                "The two are not the same.", "One of them was mistyped.", "Nothing was done; try again."
            )
    return chosen


def _say(status: "KeyStatus") -> None:
    from mulberry.cli.money_words import of_key

    for line in of_key(status):
        typer.echo(line)
