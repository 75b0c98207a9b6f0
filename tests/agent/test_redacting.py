"""Who asks for help in public must not lose a key by it: whatever form it has in a log, the redactor takes it out."""

import base64
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mulberry.agent.redacting import Identity, Redactor, identity_here

ANNA = Identity(
    home=Path("/home/anna"),
    data=Path("/home/anna/.local/share/mulberry"),
    users=("anna", "Anna Maria Schmidt", "Schmidt", "root"),
    hosts=("gpu-box.example.net", "gpu-box"),
)
SALT = bytes(range(32))
REDACTOR = Redactor(ANNA, SALT)
ADDRESS = "UQBKgXCNLPexWhs2L79kiARR1phGH1LwXxRbNsCFF9doc2lN"

FORMS: dict[str, Callable[[bytes], str]] = {
    "hexadecimal": bytes.hex,
    "capital hexadecimal": lambda key: key.hex().upper(),
    "0x": lambda key: f"0x{key.hex()}",
    "hexadecimal in pairs": lambda key: key.hex(" "),
    "hexadecimal with colons": lambda key: key.hex(":"),
    "hexadecimal in fours": lambda key: key.hex(" ", 4),
    "base64": lambda key: base64.b64encode(key).decode(),
    "base64 for addresses": lambda key: base64.urlsafe_b64encode(key).decode(),
    "base64 without padding": lambda key: base64.b64encode(key).decode().rstrip("="),
    "base64 over two lines": lambda key: "\n".join(
        (base64.b64encode(key).decode()[:36], base64.b64encode(key).decode()[36:])
    ),
    "hexadecimal over two lines": lambda key: f"{key.hex()[:40]}\n{key.hex()[40:]}",
    "base32": lambda key: base64.b32encode(key).decode(),
    "quoted for a URL": lambda key: quote_from_bytes(base64.b64encode(key), safe=""),
    "bytes quoted for a URL": quote_from_bytes,
    "Python's bytes": repr,
    "Python's list": lambda key: str(list(key)),
    "escapes": lambda key: "".join(f"\\x{byte:02x}" for byte in key),
}


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=50)
@given(key=st.binary(min_size=32, max_size=64).filter(lambda key: len(set(key)) > 8))
@example(key=bytes(22) + b"\x03\x0f\xbf\x00\x00\x00\x01\x02\x04\x05\x06")  # its base64 has +/ in the middle
@example(key=b"\xfc" + bytes(31) + b"\x01\x02\x03\x04\x05\x06\x07\x08")  # its base64 begins with a slash
def test_a_key_is_taken_out_in_every_form_that_keys_have(form: str, key: bytes) -> None:
    written = FORMS[form](key)
    shown = REDACTOR.text(f"2026-11-22 12:00:00,123 INFO mulberry.agent.keys: it is {written} now")
    for part in written.splitlines():
        for begin in range(0, len(part) - 12, 4):
            assert part[begin : begin + 12].lower() not in shown.lower()
    assert shown.startswith("2026-11-22 12:00:00,123 INFO mulberry.agent.keys: it is ")


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("passphrase=mulberry silk worm", "silk"),
        ("PASSWORD: hunter2", "hunter2"),
        ('{"api_key": "abc123"}', "abc123"),
        ("X-Api-Key: abc123", "abc123"),
        ("Authorization: Bearer abc.def.ghi", "abc.def"),
        ("engine key sk-live-12345678", "12345678"),
        ("seed = ability ahead", "ability"),
        ("http://anna:hunter2@engine.example:8000/v1", "hunter2"),
        ("https://engine.example/v1?token=abc123#part", "abc123"),
        ("https://engine.example/bot/abc123/send", "abc123"),
        ("socks5://10.1.2.3:1080", "10.1.2.3"),
        ("connecting to 203.0.113.9:4000", "203.0.113.9"),
        ("connecting to [2001:db8::17]:4000", "2001:db8"),
        ("Signed by the device key f86ae0ecc3c3fd57…", "f86ae0"),
        ("MAC 52:54:00:12:34:56", "52:54"),
        ("write to anna@example.com", "example.com"),
        (f"paid to {ADDRESS}", ADDRESS[:12]),
        (f"paid to 0:{'4a' * 32}", "4a4a4a4a4a"),
        ("GPU-6c1f8d0e-9f53-4f1b-8a43-0d8f4f6a2b11 is lost", "6c1f8d0e"),
        ("cannot open /home/anna/wallets/secret.json: denied", "secret.json"),
        ("cannot open '/mnt/My Private Disk/plan b.txt'", "b.txt"),
        ("it is aB3dEf/gH5jKl/mN7pQr/sT9vWx/yZ1bCd/eF3hJk", "mN7pQr"),
        ("cannot open /mnt/My Private Disk/plan.txt: denied", "Private"),
        ("cannot open /mnt/one/two/three/four/five/six/my.secret.plan.txt", "plan"),
        ("at http://anna:AbCdEfGhIjKlMnOpQrStUvWxYz0123456789@engine.example:8000/v1?sig=abc123", "abc123"),
        ("cannot open ~/plans/next.txt", "plans"),
        (r"cannot open C:\Users\Anna\plans.txt", "plans"),
        (r"cannot open \\nas\share\plans.txt", "share"),
        ("disk /dev/disk/by-id/ata-SN12345", "SN12345"),
        ("the user ANNA on GPU-BOX", "ANNA"),
        ("the user ANNA on GPU-BOX", "BOX"),
        ("by Schmidt on gpu-box.example.net", "example.net"),
        (
            "abandon ability able about above absent absorb abstract absurd abuse access accident",
            "absorb",
        ),
    ],
)
def test_what_names_a_person_or_opens_something_is_taken_out(line: str, secret: str) -> None:
    assert secret in line
    assert secret.lower() not in REDACTOR.text(line).lower()


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-22 12:00:00,123 INFO mulberry.agent.node: state: earning",
        "2026-11-22 12:00:00,123 INFO mulberry.attestation.collateral_fetch: collateral holds",
        'File "mulberry/agent/main.py", line 12, in run_agent',
        "unknown, because /sys/class/dmi/id is not there, and /dev/tpmrm0 cannot be opened",
        "driver 580.95.05, VBIOS 96.00.74.00.01, PCI 00000000:01:00.0, kernel 6.8.0-85-generic",
        "inside Windows: kernel 5.15.167.4-microsoft-standard-WSL2",
        "listening on 127.0.0.1:4000 and [::1]:4000",
        "request to the control API failed: GET /v1/status",
        "root's worker in the demo: and/or, 3/4, 1:2",
    ],
)
def test_what_a_helper_needs_stays(line: str) -> None:
    assert REDACTOR.text(line) == line


def test_our_own_files_keep_their_names_in_a_stack_trace_and_no_others_do() -> None:
    ours = Path(__file__).parent.parent.parent / "app" / "mulberry" / "agent" / "main.py"
    assert REDACTOR.text(f'  File "{ours}", line 1') == '  File "mulberry/agent/main.py", line 1'
    library = "/home/anna/.venv/lib/python3.11/site-packages/aiohttp/web.py"
    assert REDACTOR.text(f'  File "{library}", line 1') == '  File "site-packages/aiohttp/web.py", line 1'
    assert "plan" not in REDACTOR.text('  File "/home/anna/mulberry/plan.py", line 1')


def test_the_data_folder_has_a_name_of_its_own() -> None:
    assert REDACTOR.text(f"{ANNA.data}/demo/agent.log is full.") == "DATA/demo/agent.log is full."


def test_equal_secrets_have_equal_marks_in_one_bundle_and_not_in_another() -> None:
    one, again, other = REDACTOR.text(f"{'ab' * 32} {'AB' * 32} {'cd' * 32}").split("] ")
    assert one == again.removesuffix("]") != other.removesuffix("]")
    assert Redactor(ANNA, bytes(32)).text("ab" * 32) != REDACTOR.text("ab" * 32)


def test_an_address_stays_where_its_owner_allows_it_and_no_other_does() -> None:
    redactor = Redactor(ANNA, SALT, frozenset({ADDRESS}))
    other = "UQDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff-W72r5gqPuwA"
    shown = redactor.text(f"from {other} to {ADDRESS}.")
    assert ADDRESS in shown and other not in shown


def test_amounts_of_money_stay_only_where_their_owner_allows_it() -> None:
    line = "Too little to work: 1.5 TON are missing of 1,300.25 TON."
    assert REDACTOR.text(line) == "Too little to work: [amount] TON are missing of [amount] TON."
    assert Redactor(ANNA, SALT, amounts=True).text(line) == line
    assert REDACTOR.text("1.300,25 TON, 1\N{NO-BREAK SPACE}300,25 TON") == "[amount] TON, [amount] TON"


def test_a_line_is_cut_before_the_word_that_would_be_cut() -> None:
    shown = REDACTOR.text(f"{'word ' * 199}{'ab' * 32} and more")
    assert "abab" not in shown and shown.endswith("…")


@given(st.text(max_size=300))
def test_any_text_comes_out_as_printable_lines(text: str) -> None:
    shown = REDACTOR.text(text)
    assert all(letter.isprintable() or letter == "\n" for letter in shown)
    shown.encode()


@pytest.mark.parametrize("evil", ["a" * 64_000, "::" * 400 + "g", "/ " * 32_000, "a-" * 400, "%41" * 300, "a/" * 400])
def test_hostile_text_takes_no_time(evil: str) -> None:
    began = time.process_time()
    REDACTOR.text("\n".join([evil] * max(1, 64_000 // len(evil))))
    assert time.process_time() - began < 3


def test_this_computer_and_its_user_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "bertha")
    here = identity_here(Path("/data"))
    assert "bertha" in here.users and here.home == Path.home() and here.hosts[0]
