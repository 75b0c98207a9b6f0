"""Every message of the network that a worker meets. The annotations are the table of which `tl` makes the codec.

Source: the protocol page, sections 1, 3 and 4. Names and ids are the network's; a field is spelled as it is there.
"""

from typing import Annotated, ClassVar

from mulberry.cocoon.tl import (
    Bool,
    Bytes,
    Double,
    Flags,
    Int32,
    Int64,
    Int256,
    Message,
    String,
    constructor,
    flag,
)

# The frames' contents


@constructor("tcp.connect", 0xA57C4261)
class TcpConnect(Message):
    """The dialler's first frame."""

    id: Int64


@constructor("tcp.connected", 0x636D41D6)
class TcpConnected(Message):
    """The listener's first frame, with the dialler's id."""

    id: Int64


@constructor("tcp.ping", 0xBBE9627C)
class TcpPing(Message):
    id: Int64


@constructor("tcp.pong", 0x0BD4302C)
class TcpPong(Message):
    id: Int64


@constructor("tcp.packet", 0x9C17BAF8)
class TcpPacket(Message):
    """A one-way message; `data` is a boxed message of its own."""

    data: Bytes


@constructor("tcp.query", 0x3AF51908)
class TcpQuery(Message):
    id: Int64
    data: Bytes


@constructor("tcp.queryAnswer", 0xC048C311)
class TcpQueryAnswer(Message):
    id: Int64
    data: Bytes


@constructor("tcp.queryError", 0x4CD2F602)
class TcpQueryError(Message):
    id: Int64
    code: Int32
    message: String


# The handshake


@constructor("proxy.signedPayment", 0x02998182)
class SignedPayment(Message):
    """`data` is a TON cell as a BoC, see the protocol page, section 5."""

    data: Bytes


@constructor("proxy.signedPaymentEmpty", 0xB347CE64)
class SignedPaymentEmpty(Message):
    """The proxy has signed nothing for us yet."""


@constructor("worker.params", 0x869C73ED)
class WorkerParams(Message):
    """`coefficient` in thousandths. A current worker sends all fields, versions 1 to 2."""

    flags: ClassVar[Flags]
    worker_owner_address: String
    model: String
    coefficient: Int32
    is_test: Annotated[Bool | None, flag(0)] = None
    proxy_cnt: Annotated[Int32 | None, flag(0)] = None
    max_active_requests: Annotated[Int32 | None, flag(0)] = None
    min_proto_version: Annotated[Int32 | None, flag(1)] = None
    max_proto_version: Annotated[Int32 | None, flag(1)] = None


@constructor("proxy.params", 0xD5C5609F)
class ProxyParams(Message):
    """Without `proto_version` the proxy speaks protocol 0."""

    flags: ClassVar[Flags]
    proxy_public_key: Int256
    proxy_owner_address: String
    proxy_sc_address: String
    is_test: Annotated[Bool | None, flag(0)] = None
    proto_version: Annotated[Int32 | None, flag(1)] = None


@constructor("worker.connectToProxy", 0xCC484C5D)
class ConnectToProxy(Message):
    params: WorkerParams


@constructor("worker.connectedToProxy", 0x66BC82EE)
class ConnectedToProxy(Message):
    params: ProxyParams
    worker_sc_address: String


@constructor("worker.compareBalanceWithProxy", 0xDB386501)
class CompareBalanceWithProxy(Message):
    """What the worker remembers, in tokens."""

    tokens_committed_to_blockchain: Int64
    tokens_committed_to_db: Int64
    max_tokens: Int64


@constructor("worker.compareBalanceWithProxyResult", 0x9054C411)
class CompareBalanceWithProxyResult(Message):
    """What the proxy remembers. `error_code` not 0 asks for the extended comparison."""

    signed_payment: SignedPayment | SignedPaymentEmpty
    tokens_committed_to_db: Int64
    max_tokens: Int64
    error_code: Int32


@constructor("worker.extendedCompareBalanceWithProxy", 0xF8DD9914)
class ExtendedCompareBalanceWithProxy(Message):
    tokens_committed_to_db: Int64
    other: Bytes


@constructor("worker.extendedCompareBalanceWithProxyResult", 0x0C10973E)
class ExtendedCompareBalanceWithProxyResult(Message):
    """`error_code` 0: go on."""

    error_code: Int32


@constructor("worker.proxyHandshakeComplete", 0xF843B066)
class ProxyHandshakeComplete(Message):
    is_disabled: Bool


@constructor("worker.proxyHandshakeCompleted", 0x3AD9B886)
class ProxyHandshakeCompleted(Message):
    pass


# Work, proxy to worker


@constructor("http.header", 0x8E9BE511)
class HttpHeader(Message):
    name: String
    value: String


@constructor("http.request", 0x47492DE5)
class HttpRequest(Message):
    method: String
    url: String
    http_version: String
    headers: tuple[HttpHeader, ...]
    payload: Bytes


@constructor("http.response", 0x1CD0C42B)
class HttpResponse(Message):
    http_version: String
    status_code: Int32
    reason: String
    headers: tuple[HttpHeader, ...]
    payload: Bytes


@constructor("proxy.runQueryEx", 0xC805E7E2)
class RunQueryEx(Message):
    """`query` is a boxed http.request, `coefficient` in thousandths, `timeout` in seconds. Protocols 1 and 2."""

    query: Bytes
    signed_payment: SignedPayment | SignedPaymentEmpty
    coefficient: Int64
    timeout: Double
    request_id: Int256
    flags: ClassVar[Flags]
    enable_debug: Annotated[Bool | None, flag(0)] = None


@constructor("proxy.runQuery", 0x47182416)
class RunQuery(Message):
    """The same in protocol 0."""

    query: Bytes
    signed_payment: SignedPayment | SignedPaymentEmpty
    coefficient: Int64
    timeout: Double
    request_id: Int256


@constructor("proxy.workerRequestPayment", 0x1436C0D5)
class WorkerRequestPayment(Message):
    """After each paid request: what it was worth, and the proxy's counters, in tokens."""

    request_id: Int256
    signed_payment: SignedPayment | SignedPaymentEmpty
    db_tokens: Int64
    max_tokens: Int64
    request_tokens: Int64
    request_client_owner: String


# Work, worker to proxy


@constructor("tokensUsed", 0x70C5B15C)
class TokensUsed(Message):
    """All five adjusted, see `usage`."""

    prompt: Int64
    cached: Int64
    completion: Int64
    reasoning: Int64
    total: Int64


@constructor("proxy.queryFinalInfo", 0xE794E6FC)
class QueryFinalInfo(Message):
    """Times in unix seconds, from protocol 2 on; `worker_debug` when the request asked for it."""

    flags: ClassVar[Flags]
    tokens_used: TokensUsed
    worker_debug: Annotated[String | None, flag(0)] = None
    worker_start_time: Annotated[Double | None, flag(1)] = None
    worker_end_time: Annotated[Double | None, flag(1)] = None


@constructor("proxy.queryAnswerEx", 0x1CE574E8)
class QueryAnswerEx(Message):
    """The head: `answer` is a boxed http.response. With `final_info` it is the end as well."""

    request_id: Int256
    answer: Bytes
    flags: ClassVar[Flags]
    final_info: Annotated[QueryFinalInfo | None, flag(0)] = None


@constructor("proxy.queryAnswerPartEx", 0x6D85B50F)
class QueryAnswerPartEx(Message):
    """Further bytes of the body; the last one has `final_info`."""

    request_id: Int256
    answer: Bytes
    flags: ClassVar[Flags]
    final_info: Annotated[QueryFinalInfo | None, flag(0)] = None


@constructor("proxy.queryAnswerErrorEx", 0x8F7FB0A7)
class QueryAnswerErrorEx(Message):
    request_id: Int256
    error_code: Int32
    error: String
    flags: ClassVar[Flags]
    final_info: Annotated[QueryFinalInfo | None, flag(0)] = None


@constructor("proxy.queryAnswer", 0x37E5F725)
class QueryAnswer(Message):
    """The head in protocol 0."""

    answer: Bytes
    is_completed: Bool
    request_id: Int256
    tokens_used: TokensUsed


@constructor("proxy.queryAnswerPart", 0x72EB00EE)
class QueryAnswerPart(Message):
    answer: Bytes
    is_completed: Bool
    request_id: Int256
    tokens_used: TokensUsed


@constructor("proxy.queryAnswerError", 0x669D014E)
class QueryAnswerError(Message):
    """An error before the head, in protocol 0."""

    error_code: Int32
    error: String
    request_id: Int256
    tokens_used: TokensUsed


@constructor("proxy.queryAnswerPartError", 0x940E1168)
class QueryAnswerPartError(Message):
    """An error after the head, in protocol 0."""

    error_code: Int32
    error: String
    request_id: Int256
    tokens_used: TokensUsed


@constructor("worker.enabledDisabled", 0xB3B71039)
class EnabledDisabled(Message):
    """`disabled` 0: send us work."""

    disabled: Int32


@constructor("worker.newCoefficient", 0x6AF092B0)
class NewCoefficient(Message):
    """In thousandths."""

    new_coefficient: Int32


@constructor("worker.updatePaymentStatus", 0xDC70A524)
class UpdatePaymentStatus(Message):
    pass


@constructor("worker.paymentStatus", 0xA88BD701)
class PaymentStatus(Message):
    signed_payment: SignedPayment | SignedPaymentEmpty
    db_tokens: Int64
    max_tokens: Int64
