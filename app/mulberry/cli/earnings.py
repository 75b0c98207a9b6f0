"""`mulberry earnings`: what was earned, what its electricity cost, and what is left."""

import asyncio

from mulberry.cli.asking import CHOSEN_LAST, AsJson, Data, Network, client_of, say


def earnings(network: Network = CHOSEN_LAST, data: Data = None, as_json: AsJson = False) -> None:
    """Show gross, electricity and net earnings of today, 7 and 30 days."""
    from mulberry.cli.net_words import of_net
    from mulberry.model.encoding import to_json
    from mulberry.model.net import NetStatus

    found = asyncio.run(client_of(network, data).net())
    say([to_json(NetStatus, found).decode()] if as_json else of_net(found))
