"""`/v1/gpu-setup`: what computes on the GPUs. Nouns: `model.gpu_runtime`."""

from aiohttp import web

from mulberry.agent.gpu_setup import GpuSetup
from mulberry.model.encoding import from_json, to_json
from mulberry.model.gpu_runtime import GpuSetupStatus, SetupOrder


def add_gpu_setup(application: web.Application, setup: GpuSetup) -> None:
    async def show(_: web.Request) -> web.Response:
        return await answer()

    async def order(request: web.Request) -> web.Response:
        await setup.obey(from_json(SetupOrder, await request.read()))
        return await answer()

    async def answer() -> web.Response:
        return web.Response(body=to_json(GpuSetupStatus, await setup.status()), content_type="application/json")

    application.add_routes([web.get("/v1/gpu-setup", show), web.post("/v1/gpu-setup", order)])
