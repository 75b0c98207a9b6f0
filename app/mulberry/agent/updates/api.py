"""The part of the control API with which an owner looks at updates and decides about them."""

from aiohttp import web

from mulberry.agent.updates.keeper import Updates
from mulberry.model.encoding import from_json, to_json
from mulberry.model.update import UpdateOrder, UpdateStatus


def add_updates(application: web.Application, updates: Updates) -> None:
    async def status(_: web.Request) -> web.Response:
        return _json(updates.status())

    async def order(request: web.Request) -> web.Response:
        await updates.obey(from_json(UpdateOrder, await request.read()))
        return _json(updates.status())

    application.add_routes([web.get("/v1/update", status), web.post("/v1/update", order)])


def _json(status: UpdateStatus) -> web.Response:
    return web.Response(body=to_json(UpdateStatus, status), content_type="application/json")
