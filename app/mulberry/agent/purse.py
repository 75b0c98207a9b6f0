"""The node's money as its faces ask for it: from the treasury while it works, else as that knew it last."""

from collections.abc import Callable
from dataclasses import replace

from mulberry.agent.faucet import ask_for_play_money
from mulberry.agent.totals import reconciliation
from mulberry.agent.treasury import Treasury
from mulberry.agent.wallet_at_rest import nothing_read, stale
from mulberry.agent.workshop import Workshop
from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr
from mulberry.model.wallet import Reconciliation, WalletStatus


class Purse:
    """`treasury` is the present shift's, if there is one."""

    def __init__(self, workshop: Workshop, treasury: Callable[[], Treasury | None]) -> None:
        self._workshop = workshop
        self._treasury = treasury
        self._wallet: WalletStatus | None = None
        self._was_compared = False

    def belongs_to(self, workshop: Workshop) -> None:
        """Another owner or key has another wallet: what was known is of no use."""
        self._workshop = workshop
        self._wallet = None

    def wallet(self) -> WalletStatus:
        """The money on TON, as it was read last."""
        if treasury := self._treasury():
            self._wallet = treasury.status()
        elif self._wallet is not None:
            self._wallet = stale(self._wallet)
        known = self._wallet or nothing_read(self._workshop)
        key = self._workshop.keys.status
        return replace(known, key=key, node_wallet=known.node_wallet or key.wallet)

    def reconciliation(self) -> Reconciliation:
        """App, proxies and chain side by side."""
        treasury, workshop = self._treasury(), self._workshop
        sent = treasury.sent() if treasury else set()
        return reconciliation(workshop.till.ledger, sent, workshop.clock.now(), is_compared=self.is_compared())

    def is_compared(self) -> bool:
        """Whether the ledger was compared with the chain since the agent started."""
        treasury = self._treasury()
        self._was_compared = self._was_compared or (treasury is not None and treasury.is_compared)
        return self._was_compared

    async def pay_out(self, proxy: str | None) -> None:
        """Raises `UserFacingError`: nothing was to be paid out, or the node does not work."""
        treasury = self._treasury()
        if treasury is None:
            raise UserFacingError(
                what=tr("Nothing was paid out."),
                why=tr("The node is not connected to TON."),
                next_step=tr("Press Start, then ask again."),
            )
        await treasury.pay_out(proxy)

    async def get_play_money(self) -> None:
        """Raises `UserFacingError`: this network has none, the node does not work, or none was given."""
        treasury = self._treasury()
        if self._workshop.profile.kind != "demo":
            raise UserFacingError(
                what=tr("There is no play money on this network."),
                why=tr("Its money is real."),
                next_step=tr("`mulberry wallet` says where to send TON for the node's fees."),
            )
        faucet_url = treasury.status().top_up_url if treasury else None
        if treasury is None or faucet_url is None:
            raise UserFacingError(
                what=tr("There is no play money this time."),
                why=tr("The demo network gives it, and it runs while the node works."),
                next_step=tr("Press Start, then ask again."),
            )
        await ask_for_play_money(faucet_url, treasury.wallet_address)
        treasury.nudge()
