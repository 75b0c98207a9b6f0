"""A certificate cache (PCCS) on this computer, that gives a made-up Intel's collateral and can be told to misbehave."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import quote

from aiohttp import web

from synthetic_tdx import FMSPC

ROOT_LIST, PCK_LIST = "/sgx/certification/v4/rootcacrl", "/sgx/certification/v4/pckcrl"
TCB_INFO, IDENTITY = "/tdx/certification/v4/tcb", "/tdx/certification/v4/qe/identity"


@dataclass
class CollateralServer:
    """`collateral` (dcap-qvl's JSON) is what it gives; a path in `instead` is answered so, `hangs` never."""

    collateral: str
    port: int = 0
    instead: dict[str, web.Response] = field(default_factory=dict)
    hangs: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        if request.path in self.hangs:
            await asyncio.sleep(3600)
        if request.path in self.instead:
            told = self.instead[request.path]
            return web.Response(status=told.status, body=told.body, headers=told.headers)
        if request.query.get("fmspc", FMSPC) != FMSPC:
            return web.Response(status=404)
        return self.well(request.path)

    def well(self, path: str) -> web.Response:
        parts = json.loads(self.collateral)
        if path == ROOT_LIST:
            return web.Response(text=parts["root_ca_crl"])
        if path == PCK_LIST:
            headers = {"SGX-PCK-CRL-Issuer-Chain": quote(parts["pck_crl_issuer_chain"])}
            return web.Response(body=bytes.fromhex(parts["pck_crl"]), headers=headers)
        key, name, header = {
            TCB_INFO: ("tcb_info", "tcbInfo", "TCB-Info-Issuer-Chain"),
            IDENTITY: ("qe_identity", "enclaveIdentity", "SGX-Enclave-Identity-Issuer-Chain"),
        }[path]
        body = f'{{"{name}":{parts[key]},"signature":"{parts[f"{key}_signature"]}"}}'
        return web.Response(text=body, headers={header: quote(parts[f"{key}_issuer_chain"])})


@asynccontextmanager
async def serving_collateral(collateral: str) -> AsyncIterator[CollateralServer]:
    server = CollateralServer(collateral)
    application = web.Application()
    application.router.add_get("/{path:.*}", server.answer)
    runner = web.AppRunner(application, handle_signals=False, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    (address,) = runner.addresses
    server.port = address[1]
    try:
        yield server
    finally:
        await runner.cleanup()
