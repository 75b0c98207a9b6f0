"""Constructor numbers are copied from TON's schema; a wrong digit would make a question or an answer unknown."""

import re
import zlib
from pathlib import Path

import pytest
import pytoniq_core.tl

from mulberry.demo.chain import tl
from mulberry.demo.chain.lite_server import ANSWERS
from mulberry.demo.chain.tl import Reader, ServerError

SCHEMAS = Path(pytoniq_core.tl.__file__).parent / "schemas"
OURS = {
    "GET_LIBRARIES_WITH_PROOF": "liteServer.getLibrariesWithProof",
    "SEND_MESSAGE_STATUS": "liteServer.sendMsgStatus",
    "RUN_METHOD_RESULT": "liteServer.runMethodResult",
    "SIGNATURES_ORDINARY": "liteServer.signatureSet.ordinary",
    "SIGNATURES_SIMPLEX": "liteServer.signatureSet.simplex",
    "ADNL_QUERY": "adnl.message.query",
    "ADNL_ANSWER": "adnl.message.answer",
    "PING": "tcp.ping",
    "PONG": "tcp.pong",
}


def numbers_in_the_schemas() -> dict[str, int]:
    numbers = {}
    for path in SCHEMAS.glob("*.tl"):
        text = re.sub(r"//.*", "", path.read_text()).replace("---functions---", "").replace("---types---", "")
        for declaration in (" ".join(part.split()) for part in text.split(";")):
            name = declaration.split(" ")[0]
            if "#" in name:
                name, _, number = name.partition("#")
                numbers[name] = int(number, 16)
            elif "=" in declaration:
                numbers[name] = zlib.crc32(re.sub(r"[()]", "", declaration).encode())
    return numbers


def camel(constant: str) -> str:
    first, *rest = constant.lower().split("_")
    return "liteServer." + first + "".join(word.capitalize() for word in rest)


def test_every_number_is_the_schemas_own() -> None:
    schema = numbers_in_the_schemas() | {
        "tcp.ping": zlib.crc32(b"tcp.ping random_id:long = tcp.Pong"),
        "tcp.pong": zlib.crc32(b"tcp.pong random_id:long = tcp.Pong"),
    }
    constants = {name: value for name, value in vars(tl).items() if name.isupper() and isinstance(value, int)}
    assert len(constants) > 50
    for name, value in constants.items():
        assert value == schema[OURS.get(name, camel(name))], name


def test_every_question_has_one_answer() -> None:
    asked = {value for name, value in vars(tl).items() if name.startswith(("GET_", "LOOKUP", "LIST", "RUN_SMC"))}
    answers_only = {tl.LOOKUP_BLOCK_RESULT}
    assert set(ANSWERS) == (asked - answers_only) | {tl.SEND_MESSAGE}


@pytest.mark.parametrize("size", [0, 1, 3, 253, 254, 255, 70_000])
def test_a_text_is_read_as_it_was_written(size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    written = tl.text(content[:size])
    assert len(written) % 4 == 0
    assert Reader(written).text() == content[:size]


@pytest.mark.parametrize("cut", [b"", b"\x05abc", b"\xfe\xff\xff\xffabc", b"\x01"])
def test_a_question_that_is_cut_short_is_refused(cut: bytes) -> None:
    with pytest.raises(ServerError, match="cut short"):
        Reader(cut).text()
