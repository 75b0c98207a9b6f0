"""The part of the control API with which somebody looks through the jobs."""

from collections.abc import AsyncIterator

from aiohttp import web

from mulberry.agent.job_search import JobSearch
from mulberry.model.encoding import from_json, to_json
from mulberry.model.jobs_question import JobDetails, JobsChoices, JobsFound, JobsWish

NUMBER_DIGITS = 18


def add_job_search(application: web.Application, search: JobSearch) -> None:
    """`search` is closed with the application."""

    async def find(request: web.Request) -> web.Response:
        return _json(to_json(JobsFound, await search.find(from_json(JobsWish, await request.read()))))

    async def choices(_: web.Request) -> web.Response:
        return _json(to_json(JobsChoices, await search.choices()))

    async def details(request: web.Request) -> web.Response:
        found = await search.details(int(request.match_info["number"]))
        if found is None:
            raise ValueError("there is no job of this number")
        return _json(to_json(JobDetails, found))

    async def closed_at_the_end(_: web.Application) -> AsyncIterator[None]:
        yield
        search.close()

    application.add_routes(
        [
            web.post("/v1/jobs/found", find),
            web.get("/v1/jobs/choices", choices),
            web.get(f"/v1/jobs/{{number:[0-9]{{1,{NUMBER_DIGITS}}}}}", details),
        ]
    )
    application.cleanup_ctx.append(closed_at_the_end)


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")
