"""The commands about networks and their proxies."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from mulberry.cli.asking import CHOSEN_LAST, AsJson, Data, Network, WayThere, client_of, has_display, root_of, say
from mulberry.model.attestation import Policy


def run(
    network: Annotated[
        str, typer.Option(help="A profile, or parameters as the public test mode reads them; or a bundled network.")
    ],
    owner: Annotated[str | None, typer.Option(help="The address that is paid.", show_default=False)] = None,
    headless: Annotated[bool, typer.Option("--headless", help="In the terminal, without a window.")] = False,
    model: Annotated[
        str | None, typer.Option(help="The model's name as the network knows it.", show_default=False)
    ] = None,
    model_folder: Annotated[
        str | None, typer.Option(help="A bundled model, or a folder of one.", show_default=False)
    ] = None,
    coefficient: Annotated[
        int | None, typer.Option(min=0, max=10**9 - 1, help="Your price, 1000 = 1.0.", show_default=False)
    ] = None,
    transport: WayThere = None,
    socks5: Annotated[str | None, typer.Option(help="Where the local router listens.", show_default=False)] = None,
    proxy_policy: Annotated[
        Policy | None, typer.Option(help="What proxies must show over RA-TLS.", show_default=False)
    ] = None,
    check_hashes: Annotated[
        bool | None,
        typer.Option("--check-hashes", help="What they show must be on the network's list.", show_default=False),
    ] = None,
    root_contract: Annotated[str | None, typer.Option(help="Its address.", show_default=False)] = None,
    node_key: Annotated[
        Path | None, typer.Option(help="A file with the public worker's node_wallet_key.", show_default=False)
    ] = None,
    stats_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Serve the stats page there.", show_default=False)
    ] = None,
    engine_url: Annotated[
        list[str] | None,
        typer.Option(
            help="A server of yours that runs the jobs, OpenAI-compatible; may be repeated. Or none.",
            show_default=False,
        ),
    ] = None,
    engine_key_file: Annotated[
        Path | None, typer.Option(help="A file with the key that your servers ask for.", show_default=False)
    ] = None,
    engine_in_the_clear: Annotated[
        bool | None,
        typer.Option("--engine-in-the-clear", help="Prompts may go there over plain HTTP.", show_default=False),
    ] = None,
    restart_between_jobs: Annotated[
        bool | None,
        typer.Option(
            "--restart-between-jobs/--keep-between-jobs",
            help="Each request gets a process that served nobody before, and waits while the model loads.",
            show_default=False,
        ),
    ] = None,
    data: Data = None,
) -> None:
    """Join a network by a file and work for it. Ctrl-C finishes what runs, a second one stops at once."""
    from mulberry.cli.run import prepare, run_headless
    from mulberry.model.joining import Wishes, profile_of
    from mulberry.model.places import is_bundled

    own_folder = Path(model_folder) if model_folder and Path(model_folder).is_dir() else None
    profile = profile_of(
        network,
        Wishes(
            owner_address=owner,
            model=model,
            model_folder=None if own_folder else model_folder,
            transport=transport,
            socks5=socks5,
            root_contract_address=root_contract,
            proxy_policy=proxy_policy,
            check_hashes=check_hashes,
        ),
    )
    prepare(
        root_of(data),
        profile,
        owner_address=owner,
        coefficient=coefficient,
        model_folder=str(own_folder.absolute()) if own_folder else None,
        node_key_file=str(node_key.absolute()) if node_key else None,
        stats_port=stats_port,
        engine_urls=() if engine_url == ["none"] else tuple(engine_url) if engine_url else None,
        engine_key_file=str(engine_key_file.absolute()) if engine_key_file else None,
        engine_in_the_clear=engine_in_the_clear,
        restart_between_jobs=restart_between_jobs,
    )
    if not is_bundled(network):
        typer.echo(f"Other commands know this network as --network {profile.name}.")
    if not headless and has_display():
        from mulberry.desktop.network_change import open_anew

        raise typer.Exit(open_anew(root_of(data), profile.name))  # in the owner's language; this process said English
    raise typer.Exit(run_headless(root_of(data), profile.name, typer.echo))


def proxies(network: Network = CHOSEN_LAST, data: Data = None, as_json: AsJson = False) -> None:
    """Show each proxy: its state, what it proved, requests, and what it owes, signed and paid."""
    from mulberry.cli.words import of_proxies
    from mulberry.model.encoding import to_json
    from mulberry.model.node import ProxyStatus

    found = asyncio.run(client_of(network, data).status()).proxies
    say([to_json(tuple[ProxyStatus, ...], found).decode()] if as_json else of_proxies(found))
