"""Emptied too far, words are sorted wrongly or Qt does not start; so what stays must be found, and be unchanged."""

import struct
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from installers import icu
from installers.icu import KEPT, trim, trim_icu

ITEMS = {  # sorted by name, as ICU demands
    "icudt73l/ar.res": b"Arabic dates",
    "icudt73l/brkitr/thaidict.dict": b"Thai words",
    "icudt73l/coll/root.res": b"the order of letters",
    "icudt73l/coll/ucadata.icu": b"its weights",
    "icudt73l/ibm-943_P15A-2003.cnv": b"an encoding",
    "icudt73l/nfc.nrm": b"normal forms",
    "icudt73l/zu.res": b"the last item",
}


def library(items: dict[str, bytes]) -> bytes:
    """What the file looks like around its data: an ELF header before, other sections behind."""
    table_length = 4 + 8 * len(items)
    names, places, contents = b"", [], b""
    for name in items:
        places.append(table_length + len(names))
        names += name.encode() + b"\0"
    rows = []
    for place, content in zip(places, items.values(), strict=True):
        rows.append(struct.pack("<II", place, table_length + len(names) + len(contents)))
        contents += content
    header = struct.pack("<HBB", 24, 0xDA, 0x27) + bytes(8) + b"CmnD" + bytes(8)
    return (
        b"\x7fELF"
        + bytes(60)
        + header
        + struct.pack("<I", len(items))
        + b"".join(rows)
        + names
        + contents
        + b"\0.dynamic"
    )


def contents(content: bytes) -> dict[str, bytes]:
    """What ICU would find: each item up to where the next one begins."""
    start = content.index(b"CmnD") - 12
    table = start + struct.unpack_from("<H", content, start)[0]
    (count,) = struct.unpack_from("<I", content, table)
    rows = [struct.unpack_from("<II", content, table + 4 + 8 * number) for number in range(count)]
    ends = [place for _, place in rows[1:]] + [len(content) - table]
    names = [content[table + name : content.index(0, table + name)].decode() for name, _ in rows]
    return {name: content[table + row[1] : table + end] for name, row, end in zip(names, rows, ends, strict=True)}


def test_what_sorting_needs_is_found_unchanged_and_the_rest_is_zeros(tmp_path: Path) -> None:
    path = tmp_path / "libicudata.so.73"
    path.write_bytes(before := library(ITEMS))

    emptied = trim(path)

    after = path.read_bytes()
    assert len(after) == len(before)
    assert emptied == len(b"Arabic dates" + b"Thai words" + b"an encoding")
    found = contents(after)
    assert [name.partition("/")[2] for name in found] == ["coll/root.res", "coll/ucadata.icu", "nfc.nrm", "zu.res"]
    for name, content in found.items():
        assert content.startswith(ITEMS[name])
    assert b"Thai words" not in after
    assert after.endswith(b"\0.dynamic")


def test_trimming_twice_changes_nothing_more(tmp_path: Path) -> None:
    path = tmp_path / "libicudata.so.73"
    path.write_bytes(library(ITEMS))
    trim(path)
    once = path.read_bytes()
    assert trim(path) == 0
    assert path.read_bytes() == once


@pytest.mark.parametrize("content", [b"", b"\x7fELF" + bytes(100), bytes(100) + b"CmnD" + bytes(100)])
def test_a_format_that_nobody_has_seen_fails_the_build(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "libicudata.so.99"
    path.write_bytes(content)
    with pytest.raises(SystemExit, match="used to"):
        trim(path)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux's PySide6 brings ICU")
def test_the_library_that_pyside6_really_brings_is_read(tmp_path: Path) -> None:
    here = Path(str(distribution("PySide6-Essentials").locate_file("")))
    (real,) = here.glob(icu.LIBRARY)
    copy = tmp_path / real.relative_to(here)
    copy.parent.mkdir(parents=True)
    before = real.read_bytes()
    copy.write_bytes(before)
    assert trim_icu(tmp_path) > 20_000_000
    known, found = contents(before), contents(copy.read_bytes())
    names = {name.partition("/")[2] for name in found}
    assert {"coll/root.res", "coll/ucadata.icu", "nfkc.nrm", "root.res", "cnvalias.icu"} <= names
    assert {pattern for pattern in KEPT if "*" not in pattern} <= names
    assert list(found) == sorted(found)  # ICU looks a name up by halves
    for name, content in found.items():
        assert content.startswith(known[name]) or name == list(known)[-1]
