"""The chain's files: it outlives the demo network's process, so that what was paid once stays paid.

A file holds the whole chain, and a journal beside it what each block since was made of, one line a block, from which
the same blocks are made again. A line is written before anyone can ask for its block, for nothing else runs on the loop
in between: a process that is killed takes back nothing that somebody has seen. Blocks with transactions survive the
power's end, too.
"""

import base64
import json
import logging
import os
from io import BufferedWriter
from pathlib import Path
from typing import Self

from pytoniq_core.boc.cell import Cell, CellError
from pytoniq_core.boc.deserialize import BocError

from mulberry.demo.chain.block import BASECHAIN, BlockId
from mulberry.demo.chain.chain import LocalChain, Making
from mulberry.demo.chain.messages import Message
from mulberry.model.clock import Clock
from mulberry.model.files import write_whole
from mulberry.ton.boc import write_boc
from mulberry.ton.emulator.executor import Emulator

MOST_LINES = 200  # then the whole chain is written: a restart after a kill shall take no more than a second or two

logger = logging.getLogger(__name__)


class KeptChain:
    """`chain` is the one in the files, or a new one; every block is kept. Close it, or use it as a context manager."""

    def __init__(self, path: Path, seed: bytes, clock: Clock, emulator: Emulator) -> None:
        """`seed` is for a new chain. A file that cannot be read is put aside as `….broken`. Raises `OSError`."""
        self._path = path
        self._journal_path = path.with_name(path.name + ".journal")
        self._journal: BufferedWriter | None = None
        self._lines = 0
        self.chain = self._open(seed, clock, emulator)
        self._write_whole()
        self._unsubscribe = self.chain.subscribe(self._keep)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Blocks made after this are not kept."""
        self._unsubscribe()
        try:
            if self._lines or self._journal is None:
                self._write_whole()
        except OSError as problem:  # the journal has all of it, or the disk has been full for a while
            logger.warning("the demo chain's file was not written: %s", problem)
        self._close_journal()

    def _open(self, seed: bytes, clock: Clock, emulator: Emulator) -> LocalChain:
        try:
            chain = LocalChain.restore(self._path.read_bytes(), clock, emulator)
        except FileNotFoundError:
            return LocalChain(seed, clock, emulator)
        except ValueError as problem:
            aside = self._path.with_name(self._path.name + ".broken")
            logger.warning("the demo chain's file was put aside as %s: %s", aside.name, problem)
            self._path.replace(aside)
            return LocalChain(seed, clock, emulator)
        if self._journal_path.exists():
            with self._journal_path.open("rb") as journal:
                for line in journal:
                    making = _making(line)
                    if making is None or making.seqno > chain.head.seqno + 1:
                        logger.warning("the demo chain's journal ends in half a line")  # its block was never shown
                        break
                    if making.seqno == chain.head.seqno + 1:  # else the file, written later, has it already
                        chain.make_block(making)
        return chain

    def _keep(self, _: BlockId) -> None:
        try:
            if self._journal is None or self._lines >= MOST_LINES:
                self._write_whole()
            else:
                self._append(self._journal)
        except OSError as problem:  # the chain goes on; the next block writes all of it
            logger.warning("the demo chain's file was not written: %s", problem)
            self._close_journal()

    def _append(self, journal: BufferedWriter) -> None:
        making = self.chain.newest_making
        if making is None:
            raise RuntimeError("a block of which nobody knows what it was made of")
        journal.write(_line(making))
        journal.flush()
        if self.chain.archive.newest(BASECHAIN).transactions:
            os.fsync(journal.fileno())
        self._lines += 1

    def _write_whole(self) -> None:
        self._close_journal()
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(self._path, self.chain.snapshot())
        self._journal = self._journal_path.open("wb")
        self._lines = 0

    def _close_journal(self) -> None:
        journal, self._journal = self._journal, None
        if journal is not None:
            try:
                journal.close()
            except OSError as problem:  # what it could not write before
                logger.warning("the demo chain's journal: %s", problem)


def _line(making: Making) -> bytes:
    messages = [[item.workchain, item.account.hex(), _text(write_boc(item.cell))] for item in making.messages]
    return json.dumps([making.seqno, making.unixtime, messages], separators=(",", ":")).encode() + b"\n"


def _making(line: bytes) -> Making | None:
    """None: not a whole line."""
    try:
        seqno, unixtime, messages = json.loads(line)
        queue = (
            Message(workchain, bytes.fromhex(account), Cell.one_from_boc(base64.b64decode(bag)))
            for workchain, account, bag in messages
        )
        return Making(int(seqno), int(unixtime), tuple(queue))
    except (ValueError, TypeError, LookupError, BocError, CellError):
        return None


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
