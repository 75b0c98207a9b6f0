"""A quote for the wrong bytes, or half a quote, would be refused by every proxy without a reason."""

from pathlib import Path
from typing import ClassVar, cast

import pytest

from mulberry.attestation.quote import MOST_QUOTE_BYTES
from mulberry.attestation.tsm import make_quote
from mulberry.model.errors import UserFacingError

REPORT_DATA = bytes(range(64))


class Configfs(type(Path())):  # type: ignore[misc]
    """A folder that behaves like the kernel's: a new report is full of files, and goes with them."""

    provider: ClassVar[str] = "tdx_guest\n"
    quote_size: ClassVar[int] = 5_000
    disturbed: ClassVar[bool] = False

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        super().mkdir(mode, parents, exist_ok)
        Path(self, "provider").write_text(self.provider, encoding="ascii")
        Path(self, "generation").write_text("0\n", encoding="ascii")

    def write_bytes(self, data: bytes) -> int:
        assert self.name == "inblob"
        Path(self.parent, "generation").write_text("1\n", encoding="ascii")
        Path(self.parent, "outblob").write_bytes(data.ljust(self.quote_size, b"q")[: self.quote_size])
        return len(data)

    def open(self, mode: str = "r", *args: object, **options: object) -> object:
        if self.name == "outblob" and self.disturbed:
            Path(self.parent, "generation").write_text("2\n", encoding="ascii")
        return Path(self).open(mode, *args, **options)  # type: ignore[call-overload]

    def rmdir(self) -> None:
        for file in Path(self).iterdir():
            file.unlink()
        super().rmdir()


def kernel(folder: Path, **behaviour: object) -> Path:
    return cast(Path, type("Kernel", (Configfs,), behaviour)(folder))


def test_a_quote_carries_what_was_asked_for_and_leaves_nothing_behind(tmp_path: Path) -> None:
    quote = make_quote(REPORT_DATA, kernel(tmp_path))
    assert quote == REPORT_DATA.ljust(5_000, b"q")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ({"provider": "sev_guest\n"}, r"another kind \(sev_guest\)"),
        ({"quote_size": 0}, "gave 0 bytes"),
        ({"quote_size": MOST_QUOTE_BYTES + 1}, "gave 32,769 bytes"),
        ({"disturbed": True}, "another program"),
    ],
)
def test_what_is_no_quote_of_ours_is_an_error_in_words(
    tmp_path: Path, behaviour: dict[str, object], words: str
) -> None:
    with pytest.raises(UserFacingError, match=words):
        make_quote(REPORT_DATA, kernel(tmp_path, **behaviour))
    assert list(tmp_path.iterdir()) == []


def test_an_ordinary_machine_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(UserFacingError, match="not an Intel TDX guest"):
        make_quote(REPORT_DATA, tmp_path / "none")


def test_a_kernel_that_refuses_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UserFacingError, match="no confidential guest, or its driver is not loaded") as refused:
        make_quote(REPORT_DATA, tmp_path)  # a plain folder: the report has no files
    assert "modprobe tdx_guest" in refused.value.next_step and "No such file" in refused.value.detail


def test_other_sizes_are_a_mistake_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="63 bytes"):
        make_quote(bytes(63), tmp_path)
