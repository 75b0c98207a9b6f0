"""A chain in one file: gzip-compressed JSON, everything binary in it as base64.

The demo network's chain must survive its own restart, or the app's history would tell of transactions that never were.
Blocks and transactions are bytes already; of the states only the newest two are kept, as nodes do.
"""

import base64
import gzip
import json
import zlib
from dataclasses import dataclass
from typing import Any

from pytoniq_core.boc.cell import Cell, CellError
from pytoniq_core.boc.deserialize import BocError

from mulberry.demo.chain.archive import Archive, KeptTransaction
from mulberry.demo.chain.block import Block, BlockId, TransactionKey
from mulberry.demo.chain.layout import State
from mulberry.demo.chain.messages import WORKCHAINS, Message
from mulberry.demo.chain.validators import Signing
from mulberry.ton.boc import write_boc

FORMAT = 1
_DAMAGE = (OSError, EOFError, zlib.error, ValueError, LookupError, TypeError, AttributeError, BocError, CellError)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a chain is made of, between two blocks."""

    seed: bytes
    validators: int
    signing: Signing
    archive: Archive
    lt: int  # where the next round begins
    waiting: tuple[Message, ...] = ()


def pack(snapshot: Snapshot) -> bytes:
    """The snapshot as bytes."""
    archive = snapshot.archive
    newest = [archive.newest(workchain) for workchain in WORKCHAINS]
    document = {
        "format": FORMAT,
        "seed": _text(snapshot.seed),
        "validators": snapshot.validators,
        "signing": snapshot.signing.name,
        "lt": snapshot.lt,
        "waiting": [[item.workchain, _text(item.account), _text(write_boc(item.cell))] for item in snapshot.waiting],
        "blocks": [_block_fields(block) for workchain in WORKCHAINS for block in archive.blocks(workchain)],
        "states": [_text(write_boc(archive.state(block).cell)) for block in newest],
        "transactions": [
            [workchain, _text(account), [_transaction_fields(item) for item in history]]
            for (workchain, account), history in archive.histories()
        ],
    }
    return gzip.compress(json.dumps(document, separators=(",", ":")).encode(), compresslevel=1, mtime=0)


def unpack(untrusted: bytes) -> Snapshot:
    """The snapshot that `pack` wrote. Raises `ValueError` if the bytes are something else or broken."""
    try:
        document = json.loads(gzip.decompress(untrusted))
        if document["format"] != FORMAT:
            raise ValueError("a snapshot of another version")
        return _unpack(document)
    except _DAMAGE as problem:
        raise ValueError(f"not a snapshot of a chain: {problem}") from problem


def _unpack(document: dict[str, Any]) -> Snapshot:
    archive = Archive()
    states = [State.read(Cell.one_from_boc(_bytes(item))) for item in document["states"]]
    for fields in document["blocks"]:
        archive.add(_block(fields))
    for workchain, state in zip(WORKCHAINS, states, strict=True):
        newest = archive.newest(workchain)
        archive.add(newest, Cell.one_from_boc(newest.data), state)
    for workchain, account, history in document["transactions"]:
        for seqno, *fields in history:
            transaction = _transaction(archive.block_at(workchain, seqno).id, *fields)
            archive.add_transaction(workchain, _bytes(account), transaction)
    for block in archive.blocks(WORKCHAINS[0]):
        archive.close_round(block.id.seqno)
    return Snapshot(
        seed=_bytes(document["seed"]),
        validators=int(document["validators"]),
        signing=Signing[document["signing"]],
        archive=archive,
        lt=int(document["lt"]),
        waiting=tuple(
            Message(workchain, _bytes(account), Cell.one_from_boc(_bytes(bag)))
            for workchain, account, bag in document["waiting"]
        ),
    )


def _block_fields(block: Block) -> list[object]:
    return [
        [block.id.workchain, block.id.seqno, _text(block.id.root_hash), _text(block.id.file_hash)],
        [block.start_lt, block.end_lt, block.unixtime],
        [block.is_key, block.key_seqno],
        _text(block.data),
        [[_text(key.account), key.lt] for key in block.transactions],
        [[_text(node), _text(signature)] for node, signature in block.signatures],
    ]


def _block(fields: list[Any]) -> Block:
    (workchain, seqno, root, file), (start_lt, end_lt, unixtime), (is_key, key_seqno), data, keys, signatures = fields
    return Block(
        BlockId(workchain, seqno, _bytes(root), _bytes(file)),
        start_lt,
        end_lt,
        unixtime,
        is_key=is_key,
        key_seqno=key_seqno,
        data=_bytes(data),
        transactions=tuple(TransactionKey(_bytes(account), lt) for account, lt in keys),
        signatures=tuple((_bytes(node), _bytes(signature)) for node, signature in signatures),
    )


def _transaction_fields(item: KeptTransaction) -> list[object]:
    previous = [item.previous_lt, _text(item.previous_hash)]
    return [item.block.seqno, item.lt, _text(item.hash), *previous, _text(item.bag)]


def _transaction(block: BlockId, lt: int, digest: str, previous_lt: int, previous: str, bag: str) -> KeptTransaction:
    return KeptTransaction(lt, _bytes(digest), previous_lt, _bytes(previous), block, _bytes(bag))


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
