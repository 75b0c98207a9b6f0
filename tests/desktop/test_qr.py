"""Whoever scans this code sends money to what it says, so it must say the address and nothing else."""

from pathlib import Path

import pytest

from mulberry.desktop.qr import LONGEST_BYTES, SIZE, correction, qr_code
from samples import NODE_WALLET

# Made by the Python package qrcode 8.2 (version 5, level M, byte mode, mask 0) for the sample owner's payment link;
# OpenCV 4's reader reads the link out of it.
RECORDED = Path(__file__).parent.parent / "vectors" / "qr" / "payment-link.txt"
LINK = "ton://transfer/UQBKgXCNLPexWhs2L79kiARR1phGH1LwXxRbNsCFF9doc2lN"


def test_a_recorded_code_of_another_encoder() -> None:
    drawn = ["".join(".#"[dark] for dark in row) for row in qr_code(LINK)]
    assert drawn == RECORDED.read_text(encoding="ascii").split()


def test_the_standards_own_example_of_error_correction() -> None:
    # ISO/IEC 18004:2015, annex I: "01234567" as version 1-M
    data = bytes.fromhex("10200c566180ec11ec11ec11ec11ec11")
    assert correction(data, 10) == bytes.fromhex("a524d4c1ed36c7872c55")


@pytest.mark.parametrize("text", ["", "a", "x" * LONGEST_BYTES, f"ton://transfer/{NODE_WALLET}", "é" * 42])
def test_every_text_that_fits_has_the_three_finders(text: str) -> None:
    code = qr_code(text)
    assert len(code) == SIZE
    assert {len(row) for row in code} == {SIZE}
    for top, left in ((0, 0), (0, SIZE - 7), (SIZE - 7, 0)):
        assert all(code[top][left : left + 7])
        assert [row[left + 3] for row in code[top : top + 7]] == [True, False, True, True, True, False, True]


def test_a_text_that_does_not_fit_is_refused_and_not_cut() -> None:
    with pytest.raises(ValueError, match="too long"):
        qr_code("x" * (LONGEST_BYTES + 1))


def test_other_texts_have_other_codes() -> None:
    assert qr_code(LINK) != qr_code(LINK[:-1] + "M")
