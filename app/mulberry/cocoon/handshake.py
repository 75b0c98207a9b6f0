"""The questions of the worker's handshake with a proxy, and which answers end it.

Source: the protocol page, section 3. What the answers mean for the money is the session's (`cocoon.worker`).
"""

from typing import TypeVar

from mulberry.cocoon.channel import Channel, OnArrival, ProtocolError, QueryRefused
from mulberry.cocoon.messages import (
    CompareBalanceWithProxy,
    CompareBalanceWithProxyResult,
    ConnectedToProxy,
    ConnectToProxy,
    ExtendedCompareBalanceWithProxy,
    ExtendedCompareBalanceWithProxyResult,
    ProxyParams,
    SignedPaymentEmpty,
    WorkerParams,
)
from mulberry.cocoon.seams import Identity, ProxyDistrusted, ProxyRefused
from mulberry.cocoon.tl import Message
from mulberry.model.language import tr
from mulberry.model.payments import Counters

LEAST_PROTOCOL = 1
NEWEST_PROTOCOL = 2

Answer = TypeVar("Answer", bound=Message)


async def ask(
    channel: Channel, question: Message, kind: type[Answer], on_arrival: OnArrival = lambda answer: None
) -> Answer:
    """The proxy's answer. Raises `ProxyRefused`, `ChannelClosed`, `ProtocolError`."""
    try:
        answer = await channel.query(question, on_arrival=on_arrival)
    except QueryRefused as refusal:
        raise ProxyRefused(
            tr(
                "the proxy refused {question}: {text} (code {code})",
                question=question.tl_name,
                text=refusal.text,
                code=refusal.code,
            )
        ) from None
    if not isinstance(answer, kind):
        raise ProtocolError(f"{answer.tl_name} in answer to {question.tl_name}")
    return answer


async def introduced(channel: Channel, identity: Identity) -> tuple[ConnectedToProxy, int]:
    """Who the proxy is, and the protocol that both speak. Raises as `ask` does, and `ProxyDistrusted`."""
    params = WorkerParams(
        worker_owner_address=identity.owner_address,
        model=identity.model,
        coefficient=identity.coefficient,
        is_test=identity.is_test,
        proxy_cnt=identity.proxy_count,
        max_active_requests=identity.max_active_requests,
        min_proto_version=LEAST_PROTOCOL,
        max_proto_version=NEWEST_PROTOCOL,
    )
    connected = await ask(channel, ConnectToProxy(params), ConnectedToProxy)
    return connected, _agreed_protocol(connected.params, is_test=identity.is_test)


def _agreed_protocol(proxy: ProxyParams, *, is_test: bool) -> int:
    """The old protocol 0 is spoken by a proxy that names none."""
    protocol = proxy.proto_version or 0
    if not 0 <= protocol <= NEWEST_PROTOCOL:
        raise ProxyRefused(
            tr(
                "the proxy speaks protocol {protocol}, we speak up to {newest}",
                protocol=protocol,
                newest=NEWEST_PROTOCOL,
            )
        )
    if (proxy.is_test or False) != is_test:
        raise ProxyDistrusted(tr("the proxy belongs to another network (test and real do not mix)"))
    return protocol


async def compared(channel: Channel, claimed: Counters, known: Counters) -> CompareBalanceWithProxyResult:
    """The proxy's counters beside those that we know and say. Raises as `ask` does, and `ProxyDistrusted`."""
    ours = CompareBalanceWithProxy(claimed.committed_to_blockchain, claimed.committed_to_db, claimed.max_known)
    theirs = await ask(channel, ours, CompareBalanceWithProxyResult)
    if theirs.tokens_committed_to_db < known.committed_to_db:
        raise ProxyDistrusted(tr("the proxy remembers less than it had saved, so it was set back"))
    if isinstance(theirs.signed_payment, SignedPaymentEmpty) and known.committed_to_blockchain:
        raise ProxyDistrusted(tr("the proxy forgot the payments that it signed"))
    return theirs


async def settled(channel: Channel, committed_to_db: int) -> None:
    """Has the proxy, which saw a difference, go on from the number that it saved. Raises as `ask` does."""
    question = ExtendedCompareBalanceWithProxy(committed_to_db, b"")
    answer = await ask(channel, question, ExtendedCompareBalanceWithProxyResult)
    if answer.error_code:
        raise ProxyRefused(tr("the proxy does not agree with what we earned (code {code})", code=answer.error_code))
