"""The web application of the shops, with the two endpoints that the service calls."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Annotated, Any

from attrs import field, frozen
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi_app import answer_error
from pydantic import BaseModel

from cronapi import CronAPIError, FastCron, NotFoundError, Notification
from cronapi.webhooks import CronCall, CronEndpoint, Receiver
from shop.database import Database

MAX_WAIT, DRAIN = 10.0, 8.0
"""Seconds that a user waits for a slot, and that calls have to end when the app does."""


@frozen
class Settings:
    """What the app has to know. `public_url` is its own address, as the service reaches it."""

    public_url: str
    cron_key: str = field(repr=False)
    hook_secret: str = field(repr=False)
    database: str = "shop.db"
    report_times: str = "0 7 * * *"


class Site:
    """All that requests share: the client, the database, and the shops that are busy."""

    def __init__(self, settings: Settings, api: FastCron | None = None) -> None:
        self.settings = settings
        self.api = api or FastCron(coalesce=True)
        self.data = Database(settings.database)
        self.busy: set[str] = set()
        """The names of shops that are being opened or closed."""
        # The service is told how a report went, so the answer waits for it.
        self.reports = CronEndpoint(
            secrets=[settings.cron_key], handler=self.make_report, answer="after"
        )
        self.hooks = Receiver(secrets=[settings.hook_secret], handler=self.keep_alert)

    async def make_report(self, call: CronCall) -> None:
        """Make the report of a shop. Its error is the answer to the job, which then fails."""
        shop = self.data.shop_of(call.job)
        cents = None if shop is None else self.data.turnover(shop)
        if shop is None or cents is None:
            raise LookupError(f"job {call.job} has nothing to report")
        self.data.keep_report(shop, call, cents)

    async def keep_alert(self, note: Notification) -> None:
        """Keep what the service tells of a job, for the owner of the shop to see."""
        self.data.keep_alert(note)

    async def open_shop(self, name: str) -> dict[str, Any]:
        """Make a shop and its job, once however often it is asked for.

        A shop without a job is one whose making was interrupted. The job may be there all the same,
        so `ensure` looks for it first.
        """
        is_new = self.data.open_shop(name)
        shop = self._known(name)
        if shop["job"] is None:
            users = self.api.with_options(max_wait=MAX_WAIT).cron
            job = await (users.add if is_new else users.ensure)(
                name=job_name(name),
                url=f"{self.settings.public_url}/report/?job=__cronjob__&at=__timestamp__",
                http_headers={"X-Cron-Key": self.settings.cron_key},
                expression=self.settings.report_times,
            )
            self.data.set_job(name, job.id)
        return self.show(name)

    async def close_shop(self, name: str) -> None:
        """Delete the job of a shop, and then the shop.

        The job of a shop whose making was interrupted is looked for by its name.
        """
        shop = self._known(name)
        users = self.api.with_options(max_wait=MAX_WAIT).cron
        number = shop["job"]
        if number is None and (job := await users.find(job_name(name))) is not None:
            number = job.id
        if number is not None:
            # The job may have been deleted before, and the user not told of it.
            with suppress(NotFoundError):
                await users.delete(number)
        self.data.close_shop(name)

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Refuse to open or close a shop while another request does.

        Otherwise a shop that is closed while it is opened would leave its job behind.
        """
        if name in self.busy:
            raise HTTPException(409, "This shop is being opened or closed. Try again in a moment.")
        self.busy.add(name)
        try:
            yield
        finally:
            self.busy.discard(name)

    def show(self, name: str) -> dict[str, Any]:
        """Return a shop with its reports, and with what was told about its job."""
        shop = self._known(name)
        alerts = [] if shop["job"] is None else self.data.alerts(shop["job"])
        return {**shop, "reports": self.data.reports(name), "alerts": alerts}

    def sell(self, name: str, cents: int) -> None:
        """Note a sale of a shop."""
        self._known(name)
        self.data.sell(name, cents)

    def _known(self, name: str) -> dict[str, Any]:
        shop = self.data.shop(name)
        if shop is None:
            raise HTTPException(404, "There is no such shop.")
        return shop


def job_name(shop: str) -> str:
    """Return the name of a shop's job, by which it is found if its id is unknown."""
    return f"report of {shop}"


class Sale(BaseModel):
    """The body of a request that notes a sale."""

    cents: int


def site_of(request: Request) -> Site:
    """Return what requests share."""
    site: Site = request.app.state.site
    return site


TheSite = Annotated[Site, Depends(site_of)]


async def open_shop(name: str, site: TheSite) -> dict[str, Any]:
    """Open a shop. It may be repeated after any error."""
    with site.alone(name):
        return await site.open_shop(name)


async def show_shop(name: str, site: TheSite) -> dict[str, Any]:
    """Return a shop with its reports and alerts."""
    return site.show(name)


async def close_shop(name: str, site: TheSite) -> None:
    """Close a shop. It may be repeated after any error."""
    with site.alone(name):
        await site.close_shop(name)


async def sell(name: str, sale: Sale, site: TheSite) -> None:
    """Note a sale."""
    site.sell(name, sale.cents)


async def health(site: TheSite) -> list[dict[str, Any]]:
    """Return the jobs that want attention. It costs the service one or two requests."""
    report = await site.api.cron.health()
    return [job.to_dict() for job in report.faults()]


def make_app(settings: Settings, api: FastCron | None = None) -> FastAPI:
    """Return the app. Without an `api` it takes token and address from the environment."""
    site = Site(settings, api)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with site.api:
            async with site.reports, site.hooks:
                yield  # what was taken on is handled before the rest goes
            await site.api.aclose(drain=DRAIN)
        site.data.close()

    app = FastAPI(title="Shops", lifespan=lifespan)
    app.state.site = site
    app.add_exception_handler(CronAPIError, answer_error)  # type: ignore[arg-type]
    app.put("/shops/{name}")(open_shop)
    app.get("/shops/{name}")(show_shop)
    app.delete("/shops/{name}", status_code=204)(close_shop)
    app.post("/shops/{name}/sales", status_code=204)(sell)
    app.get("/health")(health)
    app.mount("/report", site.reports.asgi())
    app.mount("/hooks", site.hooks.asgi())
    return app


def from_environment() -> FastAPI:
    """Return the app with its settings from the environment, for uvicorn."""
    names = ("PUBLIC_URL", "CRON_KEY", "HOOK_SECRET", "DATABASE", "REPORT_TIMES")
    return make_app(Settings(**{n.lower(): os.environ[n] for n in names if n in os.environ}))
