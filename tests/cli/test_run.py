"""People join test networks with the public binaries' own file: the command must say what it does, and end well."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest
from nacl.signing import SigningKey

from loopback import listening
from mulberry.agent.settings import Settings, load_settings
from mulberry.cli.run import prepare
from mulberry.cocoon.channel import Channel
from mulberry.cocoon.messages import ConnectedToProxy, ConnectToProxy, ProxyParams, QueryAnswerEx
from mulberry.model.attestation import Policy
from mulberry.model.clock import SystemClock
from mulberry.model.errors import UserFacingError
from mulberry.model.joining import TEST_ROOT, Wishes, profile_of
from mulberry.model.network import load_profile
from mulberry.model.places import DataFolder, resource
from mulberry.ton.address import Address, parse_address
from mulberry.ton.contracts import proxy_contract_address, worker_contract_address
from small_proxy import SmallProxy, run_query
from some_server import SomeServer

OWNER = "UQA5bWQii6huiSBSh6frb_FqOOXhx1CMHp6EqVMZ18TpCryP"
MODEL = "Qwen/Qwen3-8B"
PARAMETERS = {  # the keys of the public test mode's file
    "root_owner_address": OWNER,
    "registered_proxies": [{"seqno": 1, "address": "127.0.0.1:11101 127.0.0.1:11102"}],
    "proxy_hashes": [],
    "model_types": [MODEL],
    "price_per_token": 20,
    "worker_fee_per_token": 10,
    "version": 1,
    "params_version": 1,
    "proxy_sc_code": "",
}


def write(folder: Path, content: object, name: str = "Fake TON.json") -> str:
    path = folder / name
    path.write_text(json.dumps(content))
    return str(path)


def test_the_public_test_modes_file_is_taken_as_it_is(tmp_path: Path) -> None:
    profile = profile_of(write(tmp_path, PARAMETERS), Wishes(owner_address=OWNER))
    assert (profile.name, profile.kind, profile.transport) == ("test-fake-ton", "test", "socks5")
    assert (profile.socks5, profile.model, profile.root_contract_address) == ("127.0.0.1:8116", "tiny-lm", TEST_ROOT)
    parameters = profile.root_parameters()
    assert (parameters.worker_fee_per_token, parameters.is_test, parameters.unique_id) == (10, True, 13)
    assert str(parameters.proxies[0]) == "127.0.0.1:11101"


def test_what_is_wished_goes_before_the_file(tmp_path: Path) -> None:
    wishes = Wishes(OWNER, MODEL, transport="plain", socks5="127.0.0.1:9", root_contract_address=OWNER)
    profile = profile_of(write(tmp_path, PARAMETERS), wishes)
    assert (profile.model, profile.transport, profile.socks5) == (MODEL, "plain", "127.0.0.1:9")
    assert profile.root_contract_address == OWNER


def test_what_must_be_proven_can_be_wished_and_a_fake_quote_is_shown_in_any_case(tmp_path: Path) -> None:
    file = write(tmp_path, PARAMETERS | {"proxy_hashes": ["XFXI9NtAELqSA9g1NtBgmFavjIR6wDnjfn3ej71XS2E="]})
    content = profile_of(file, Wishes(OWNER))
    assert (content.proxy_policy, content.worker_policy, content.check_hashes) == (Policy.ANY, Policy.FAKE_TDX, False)
    strict = profile_of(file, Wishes(OWNER, transport="ratls", proxy_policy=Policy.FAKE_TDX, check_hashes=True))
    assert (strict.proxy_policy, strict.check_hashes) == (Policy.FAKE_TDX, True)
    with pytest.raises(UserFacingError, match="as it is"):
        profile_of("mainnet", Wishes(proxy_policy=Policy.ANY))


def test_a_profile_of_ours_is_taken_too(tmp_path: Path) -> None:
    demo = json.loads(resource("networks/demo.json").read_text())
    mine = write(tmp_path, demo | {"name": "mine", "kind": "test", "launch": None})
    assert profile_of(mine, Wishes(model=MODEL)).model == MODEL


def test_a_bundled_network_is_as_it_is() -> None:
    assert profile_of("demo", Wishes(owner_address=OWNER)) == load_profile("demo")
    with pytest.raises(UserFacingError, match="as it is"):
        profile_of("demo", Wishes(model=MODEL))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (PARAMETERS | {"price_per_token": "free"}, "chain.price_per_token"),
        (PARAMETERS | {"registered_proxies": [{"seqno": 1, "address": "nowhere"}]}, "not ip:port"),
        ({"price_per_token": 1}, "name"),
        ([], "object"),
        ("x", "object"),
    ],
)
def test_a_file_that_is_none_is_refused_in_words(tmp_path: Path, content: object, why: str) -> None:
    with pytest.raises(UserFacingError) as refused:
        profile_of(write(tmp_path, content), Wishes(owner_address=OWNER))
    assert why in refused.value.why


def test_no_file_takes_a_bundled_networks_name(tmp_path: Path) -> None:
    demo = json.loads(resource("networks/demo.json").read_text())
    with pytest.raises(UserFacingError, match="not usable"):
        profile_of(write(tmp_path, demo), Wishes())


class Joined:
    """`mulberry run` as a process, and the proxy of its network in this one."""

    def __init__(self, proxy: SmallProxy, process: asyncio.subprocess.Process, data: Path) -> None:
        self.proxy = proxy
        self.process = process
        self.data = data

    async def until(self, words: str) -> str:
        """All that it says up to the line with `words`."""
        assert self.process.stdout is not None
        said = ""
        while words not in said:
            line = await self.process.stdout.readline()
            assert line, f"it ended without {words!r}: {said}"
            said += line.decode()
        return said

    async def end(self) -> str:
        """What it says until its end, which is a good one."""
        assert self.process.stdout is not None
        said = (await self.process.stdout.read()).decode()
        assert await self.process.wait() == 0, said
        return said

    async def ask(self, *words: str) -> str:
        """What another command says meanwhile."""
        environment = os.environ | {"MULBERRY_DATA": str(self.data)}
        command = [sys.executable, "-m", "mulberry", *words, "--network", "test-fake-ton"]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=environment)
        said, _ = await process.communicate()
        assert process.returncode == 0, said
        return said.decode()


@asynccontextmanager
async def joined(folder: Path, *words: str) -> AsyncIterator[Joined]:
    proxy = SmallProxy()
    async with listening(Channel.listener(proxy.accept, random=Random(4))) as port:
        door = [{"seqno": 1, "address": f"127.0.0.1:{port}"}]
        file = write(folder, PARAMETERS | {"registered_proxies": door})
        parameters = profile_of(file, Wishes(owner_address=OWNER)).root_parameters()
        key, owner = bytes(SigningKey(b"\x05" * 32).verify_key), Address(b"\x22" * 32)
        contract = proxy_contract_address(parameters, key, owner)
        ours = worker_contract_address(parameters, key, contract, parse_address(OWNER))
        proxy.params = ProxyParams(key, owner.friendly(), contract.friendly(), is_test=True, proto_version=2)
        proxy.answers[ConnectToProxy] = ConnectedToProxy(proxy.params, ours.friendly())
        command = [sys.executable, "-m", "mulberry", "run", "--network", file, "--owner", OWNER, "--headless"]
        process = await asyncio.create_subprocess_exec(
            *command,
            *("--transport", "plain", "--model", f"{MODEL}@main:00", *words),
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"MULBERRY_DATA": str(folder / "data")},
        )
        try:
            yield Joined(proxy, process, folder / "data")
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()
            for channel in proxy.channels:
                channel.close("the test is over")
                await channel.wait_closed()


async def test_a_test_network_is_joined_worked_for_and_left(tmp_path: Path) -> None:
    async with joined(tmp_path, "--coefficient", "1500") as run:
        said = await run.until("Connect to a proxy")
        assert "--network test-fake-ton" in said
        assert "Check the sandbox" in said
        assert f"served under the name {MODEL}" in said
        told = run.proxy.questions[0]
        assert isinstance(told, ConnectToProxy)
        assert (told.params.coefficient, told.params.model) == (1500, f"{MODEL}@main:00")
        run.proxy.send(run_query(coefficient=1500))
        answer = await run.proxy.next()
        assert isinstance(answer, QueryAnswerEx) and b"X-Cocoon-Worker-Start" in answer.answer
        shown = await run.ask("proxies")
        assert "working since" in shown and "1 served" in shown
        (proxy,) = json.loads(await run.ask("proxies", "--json"))
        assert (proxy["state"], proxy["coefficient"], proxy["requests"]) == ("working", 1500, 1)
        run.process.send_signal(signal.SIGINT)
        said = await run.end()
        assert "Finishing" in said
    assert not (run.data / "test-fake-ton" / "agent.sock").exists()


async def test_a_second_ctrl_c_stops_what_still_runs(tmp_path: Path) -> None:
    async with joined(tmp_path) as run:
        await run.until("Connect to a proxy")
        long_one = {"model": MODEL, "messages": [{"role": "user", "content": "count"}], "max_tokens": 10**6}
        run.proxy.send(run_query(body=long_one, stream=True))
        run.process.send_signal(signal.SIGINT)
        await run.until("Finishing")
        run.process.send_signal(signal.SIGTERM)
        await run.end()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--engine-url", "gpu:8000"], ["engine_urls", "must begin with http", "--engine-url"]),
        (["--engine-url", "http://gpu.example"], ["gpu.example in the clear", "--engine-in-the-clear"]),
        (
            ["--engine-url", "http://gpu.example", "--engine-in-the-clear", "--engine-key-file", "key"],
            ["The key for your servers", "https://"],
        ),
    ],
)
def test_servers_that_cannot_be_used_are_refused_before_anything_starts(
    tmp_path: Path, words: list[str], said: list[str]
) -> None:
    command = [sys.executable, "-m", "mulberry", "run", "--network", write(tmp_path, PARAMETERS), "--owner", OWNER]
    environment = os.environ | {"MULBERRY_DATA": str(tmp_path / "data")}
    done = subprocess.run([*command, "--headless", *words], capture_output=True, text=True, env=environment, timeout=99)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert all(part in done.stderr for part in said)
    assert not (tmp_path / "data" / "test-fake-ton" / "settings.json").exists()


def test_servers_can_be_given_up_again(tmp_path: Path) -> None:
    profile = profile_of(write(tmp_path, PARAMETERS), Wishes(owner_address=OWNER))
    prepare(tmp_path, profile, owner_address=OWNER, engine_urls=("https://gpu.example",))
    settings = DataFolder.of_network(tmp_path, profile.name).settings
    assert load_settings(settings, SystemClock()).engine_urls == ("https://gpu.example",)
    prepare(tmp_path, profile, engine_urls=())
    assert load_settings(settings, SystemClock()) == Settings(owner_address=OWNER)


async def test_servers_of_ones_own_are_kept_for_the_next_start(tmp_path: Path) -> None:
    async with SomeServer(model=MODEL).server as server:
        url = str(server.make_url("/"))
        async with joined(tmp_path, "--engine-url", url) as run:
            said = await run.until("Connect to a proxy")
            assert "which no sandbox of ours reaches" in said and "Served by 127.0.0.1" in said
            assert "served under the name" not in said
            run.proxy.send(run_query())
            answer = await run.proxy.next()
            assert isinstance(answer, QueryAnswerEx) and b"Hi!" in answer.answer
            assert "servers  Prompts go to your own servers on this computer" in await run.ask("status")
            run.process.send_signal(signal.SIGTERM)
            await run.end()
    assert load_settings(run.data / "test-fake-ton" / "settings.json", SystemClock()).engine_urls == (url,)


def test_who_is_to_be_paid_must_be_said(tmp_path: Path) -> None:
    for words in ([], ["--owner", "nobody"]):
        command = [sys.executable, "-m", "mulberry", "run", "--network", write(tmp_path, PARAMETERS), "--headless"]
        done = subprocess.run([*command, *words], capture_output=True, text=True, timeout=150)
        assert done.returncode == 1
        assert "--owner" in done.stderr and "Traceback" not in done.stderr
