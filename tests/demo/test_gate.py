"""Nothing of ours may reach a peer that has not proven itself: both ends of RA-TLS, against each other."""

from mulberry.cocoon.messages import EnabledDisabled, ProxyHandshakeCompleted, TcpQueryAnswer, UpdatePaymentStatus
from mulberry.model.attestation import Policy
from proven_ends import Hearing, dial, guarded


async def test_two_proven_ends_talk() -> None:
    async with guarded() as there:
        here = Hearing()
        channel = await dial(there.address, here=here)
        assert channel.evidence is not None
        assert channel.evidence.policy is Policy.FAKE_TDX
        assert channel.evidence.verdict == "TEST, nothing proven"
        assert await channel.query(UpdatePaymentStatus()) == ProxyHandshakeCompleted()
        there.channels[0].send(EnabledDisabled(3))
        assert await here.messages.get() == EnabledDisabled(3)
        large = TcpQueryAnswer(1, bytes(10 * 2**20))
        channel.send(large)
        there.channels[0].send(large)
        assert await here.messages.get() == large
        assert await there.handlers[0].messages.get() == large
        channel.close("enough")
        assert await channel.wait_closed() == "enough"
        await there.channels[0].wait_closed()
        assert there.handlers[0].ended == ["the other side closed the connection"]
