"""TL as lite servers speak it: numbers of constructors, reading questions, writing answers.

Source: ton-blockchain/ton, tl/generate/scheme/lite_api.tl and ton_api.tl. A constructor's number is the CRC-32 of its
declaration there.
"""

import struct
from collections.abc import Iterable

from mulberry.demo.chain.block import BlockId

TRUE, FALSE = struct.pack("<I", 0x997275B5), struct.pack("<I", 0xBC799737)

PING, PONG = 0x4D082B9A, 0xDC69FB03
ADNL_QUERY, ADNL_ANSWER = 0xB48BF97A, 0x0FAC8416
QUERY, WAIT_MASTERCHAIN_SEQNO = 0x798C06DF, 0xBAEAB892
ERROR = 0xBBA9E148

GET_MASTERCHAIN_INFO, MASTERCHAIN_INFO = 0x89B5E62E, 0x85832881
GET_MASTERCHAIN_INFO_EXT, MASTERCHAIN_INFO_EXT = 0x70A671DF, 0xA8CCE0F5
GET_TIME, CURRENT_TIME = 0x16AD5A34, 0xE953000D
GET_VERSION, VERSION = 0x232B940B, 0x5A0491E5
GET_BLOCK, BLOCK_DATA = 0x6377CF0D, 0xA574ED6C
GET_STATE, BLOCK_STATE = 0xBA6E2EB6, 0xABADDC0C
GET_BLOCK_HEADER, LOOKUP_BLOCK, BLOCK_HEADER = 0x21EC069E, 0xFAC8F71E, 0x752D8219
LOOKUP_BLOCK_WITH_PROOF, LOOKUP_BLOCK_RESULT = 0x9C045FF8, 0x99786BE7
SEND_MESSAGE, SEND_MESSAGE_STATUS = 0x690AD482, 0x3950E597
GET_ACCOUNT_STATE, ACCOUNT_STATE = 0x6B890E25, 0x7079C751
RUN_SMC_METHOD, RUN_METHOD_RESULT = 0x5CC65DD2, 0xA39A616B
GET_SHARD_INFO, SHARD_INFO = 0x46A2F425, 0x9FE6CD84
GET_ALL_SHARDS_INFO, ALL_SHARDS_INFO = 0x74D3FD6B, 0x098FE72D
GET_SHARD_BLOCK_PROOF, SHARD_BLOCK_PROOF = 0x4CA60350, 0x1D62A07A
GET_ONE_TRANSACTION, TRANSACTION_INFO = 0xD40F24EA, 0x0EDEED47
GET_TRANSACTIONS, TRANSACTION_LIST = 0x1C40E7A1, 0x6F26C60B
LIST_BLOCK_TRANSACTIONS, BLOCK_TRANSACTIONS = 0xADFCC7DA, 0xBD8CAD2B
LIST_BLOCK_TRANSACTIONS_EXT, BLOCK_TRANSACTIONS_EXT = 0x0079DD5C, 0xFB8FFCE4
GET_BLOCK_PROOF, PARTIAL_BLOCK_PROOF = 0x8AEA9C44, 0x8ED0D2C1
BLOCK_LINK_BACK, BLOCK_LINK_FORWARD = 0xEF7E1BEF, 0x520FCE1C
SIGNATURES_ORDINARY, SIGNATURES_SIMPLEX = 0xF644A6E6, 0xAC249800
GET_CONFIG_ALL, GET_CONFIG_PARAMS, CONFIG_INFO = 0x911B26B7, 0x2A111C19, 0xAE7B272F
GET_LIBRARIES, LIBRARY_RESULT = 0xD122B662, 0x117AB96B
GET_LIBRARIES_WITH_PROOF, LIBRARY_RESULT_WITH_PROOF = 0xD97693BD, 0x10A927BF
GET_OUT_MSG_QUEUE_SIZES, OUT_MSG_QUEUE_SIZES = 0x7BC19C36, 0xF8504A03


class ServerError(Exception):
    """What a server answers when it cannot answer."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Reader:
    """Takes a question apart. Raises `ServerError` if it is too short."""

    def __init__(self, untrusted: bytes) -> None:
        self._untrusted = untrusted
        self._position = 0

    @property
    def left(self) -> int:
        return len(self._untrusted) - self._position

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise ServerError(-400, "the question is cut short")
        self._position += count
        return self._untrusted[self._position - count : self._position]

    def int32(self) -> int:
        return int.from_bytes(self.take(4), "little", signed=True)

    def uint32(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def int64(self) -> int:
        return int.from_bytes(self.take(8), "little", signed=True)

    def hash(self) -> bytes:
        return self.take(32)

    def text(self) -> bytes:
        size, head = self.take(1)[0], 1
        if size == 254:
            size, head = int.from_bytes(self.take(3), "little"), 4
        content = self.take(size)
        self.take(-(head + size) % 4)
        return content

    def block(self) -> BlockId:
        workchain, _, seqno = self.int32(), self.int64(), self.uint32()
        return BlockId(workchain, seqno, self.hash(), self.hash())

    def account(self) -> tuple[int, bytes]:
        return self.int32(), self.hash()


def constructor(number: int) -> bytes:
    return struct.pack("<I", number)


uint = constructor


def int32(value: int) -> bytes:
    """A signed number; the upper half of the unsigned ones is taken for negative."""
    return struct.pack("<I", value & 0xFFFFFFFF)


def int64(value: int) -> bytes:
    return struct.pack("<q", value)


def boolean(value: bool) -> bytes:
    return TRUE if value else FALSE


def text(content: bytes) -> bytes:
    """TL's `bytes`: length, content, zeros up to a multiple of four."""
    size = len(content)
    framed = (bytes([size]) if size < 254 else b"\xfe" + size.to_bytes(3, "little")) + content
    return framed + bytes(-len(framed) % 4)


def vector(items: Iterable[bytes]) -> bytes:
    made = list(items)
    return uint(len(made)) + b"".join(made)
