"""Empties what Qt never asks for out of ICU's data, 32 MB that PySide6 brings for Linux: 7 MB less to download.

Qt sorts words with ICU and takes nearly everything else, dates, numbers, names of languages and zones, line breaks,
from tables of its own. So collation, the rules that it rests on and what is small stay. The other items are taken out
of the table of contents, where ICU then does not find them, and their bytes become zeros, which pack to nothing. The
library keeps its size and layout.

Source of the format: ICU's `unicode/udata.h` (UDataInfo, the header) and `ucmndata.h` (UDataOffsetTOC).
"""

import struct
from fnmatch import fnmatchcase
from pathlib import Path

LIBRARY = "PySide6/Qt/lib/libicudata.so.*"
HEADER = struct.Struct("<HBB")  # its own length, then two magic bytes
MAGIC = (0xDA, 0x27)
FORMAT = b"CmnD"
FORMAT_PLACE = 12  # in the header
ENTRY = struct.Struct("<II")  # where the name and the item begin, from the table's beginning
# As fnmatch reads them, without the package's name before the first slash.
KEPT = (
    "coll/*",
    "*.icu",
    "*.nrm",
    "*.cfu",
    "*.spp",
    "icuver.res",
    "keyTypeData.res",
    "likelySubtags.res",
    "metadata.res",
    "numberingSystems.res",
    "pool.res",
    "root.res",
    "res_index.res",
    "supplementalData.res",
    "timezoneTypes.res",
    "windowsZones.res",
    "zoneinfo64.res",
)


def trim_icu(packages: Path) -> int:
    """Empties ICU's data below `packages`, where it is. Returns the bytes that became zeros."""
    return sum(trim(library) for library in packages.glob(LIBRARY))


def trim(library: Path) -> int:
    """Empties one library's. SystemExit where its data is not in the format that is known here."""
    content = bytearray(library.read_bytes())
    start = content.find(FORMAT) - FORMAT_PLACE
    if start < 0:
        raise SystemExit(f"{library.name}: ICU's data is not where it used to be")
    length, *magic = HEADER.unpack_from(content, start)
    if tuple(magic) != MAGIC:
        raise SystemExit(f"{library.name}: ICU's data has another format than it used to")
    table = start + length
    (count,) = struct.unpack_from("<I", content, table)
    entries = [ENTRY.unpack_from(content, table + 4 + ENTRY.size * number) for number in range(count)]
    kept, emptied = [], 0
    for (name, item), (_, after) in zip(entries, [*entries[1:], (0, 0)], strict=True):
        begins = table + name
        words = content[begins : content.index(0, begins)].decode("ascii").partition("/")[2]
        if after == 0 or any(fnmatchcase(words, pattern) for pattern in KEPT):  # where the last one ends is not told
            kept.append((name, item))
        else:
            content[table + item : table + after] = bytes(after - item)
            emptied += after - item
    struct.pack_into("<I", content, table, len(kept))
    for number, entry in enumerate(kept):
        ENTRY.pack_into(content, table + 4 + ENTRY.size * number, *entry)
    library.write_bytes(content)
    return emptied
