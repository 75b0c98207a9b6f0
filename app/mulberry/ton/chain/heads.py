"""Which block is the newest, by what several servers say. Pure bookkeeping: nothing here is proven.

A signed block cannot be made up, but a server can name an old one, or one of a fork. So a block counts when a quorum
names it and nobody else's block at that height has as many names behind it.
"""

from collections import Counter

from mulberry.ton.chain.lite_api import UntrustedHead
from mulberry.ton.chain.nouns import BlockId

REMEMBERED = 32  # newest blocks of each server


class Heads:
    """What each server named. Servers go by their names; the newest agreed block only ever rises."""

    def __init__(self, quorum: int) -> None:
        self.quorum = quorum  # may be changed: it holds for what is agreed from then on
        self.agreed: UntrustedHead | None = None
        self._named: dict[str, dict[int, UntrustedHead]] = {}

    def names(self, server: str, head: UntrustedHead) -> None:
        named = self._named.setdefault(server, {})
        named[head.block.seqno] = head
        for seqno in sorted(named)[:-REMEMBERED]:
            del named[seqno]

    def forget(self, server: str) -> None:
        """Its word counts no longer. What is agreed stays."""
        self._named.pop(server, None)

    def disown(self, block: BlockId) -> None:
        """The agreed block turned out to be none: start again from what is named."""
        if self.agreed is not None and self.agreed.block == block:
            self.agreed = None
        for named in self._named.values():
            if block.seqno in named and named[block.seqno].block == block:
                del named[block.seqno]

    def agree(self) -> bool:
        """Looks for a newer agreed block. True if there is one now."""
        after = self._agreed_seqno
        for seqno in sorted({s for named in self._named.values() for s in named if s > after}, reverse=True):
            votes = Counter(named[seqno].block for named in self._named.values() if seqno in named)
            (block, count), *others = votes.most_common(2)
            if count >= self.quorum and not (others and others[0][1] == count):
                heads = (named[seqno] for named in self._named.values() if seqno in named)
                self.agreed = next(head for head in heads if head.block == block)
                return True
        return False

    def namers(self, block: BlockId) -> frozenset[str]:
        """The servers that name `block`."""
        return frozenset(s for s, named in self._named.items() if (at := named.get(block.seqno)) and at.block == block)

    def made_at(self, block: BlockId) -> int | None:
        """When `block` was made, as somebody who named it says; None if nobody did."""
        named = (named[block.seqno] for named in self._named.values() if block.seqno in named)
        return next((head.made_at for head in named if head.block == block), None)

    def dissenters(self) -> frozenset[str]:
        """The servers that name another block at the agreed height."""
        if self.agreed is None:
            return frozenset()
        agreed = self.agreed.block
        return frozenset(
            s for s, named in self._named.items() if (at := named.get(agreed.seqno)) and at.block != agreed
        )

    def question_for(self, server: str) -> int | None:
        """A height that others have named and `server` has passed without a word: worth asking it about."""
        own = self._named.get(server)
        if not own:
            return None
        others = {s for name, named in self._named.items() if name != server for s in named}
        open_ones = [s for s in others if self._agreed_seqno < s < max(own) and s not in own]
        return max(open_ones, default=None)

    @property
    def _agreed_seqno(self) -> int:
        return self.agreed.block.seqno if self.agreed is not None else -1
