"""Jobs that go back in: copies of jobs, moves to the other service, and headers that change."""

from __future__ import annotations

import json

import pytest
from attrs import evolve

from cronapi import FASTCRON, ConfigurationError, CronJob, JobSpec, JobStatus, Notify
from tests.support.emulated import BOTH, URL, WAYS

HEADERS = "X-Key: old\r\nX-Trace: 1\r\nx-trace: 2"


@BOTH
async def test_a_job_is_added_again_as_it_is(desk_of, provider):
    """add, add_many and batch_add make a job like one that the service has shown."""
    desk = await desk_of(provider)
    api, params = desk.api, {"http_headers": HEADERS, "post_data": "a=1", "http_method": "POST"}
    job = await api.cron.edit(desk.job.id, **params)
    copies = [await api.cron.add(job), *(await api.cron.add_many([job, job])).values]
    if provider == "fastcron":
        copies += await api.cron.batch_add([job])
    for copy in copies:
        assert copy.id != job.id
        assert evolve(copy, id=job.id) == job
    assert desk.stored(copies[0].id)["httpHeaders"] == HEADERS


async def test_a_copy_may_have_changes(desk_of):
    """Parameters beside a job or a spec are those of the new one."""
    desk = await desk_of()
    for given in (desk.job, JobSpec.from_job(desk.job)):
        copy = await desk.api.cron.add(given, name="copy", group=None, http_headers={"A": "1"})
        assert (copy.name, copy.expression, copy.group) == ("copy", "*/5 * * * *", None)
        assert dict(copy.headers) == {"A": "1"}


async def test_a_job_that_would_lose_something_is_refused_and_it_is_named(desk_of):
    """Nothing is sent; from_job carries the rest, and a parameter can replace what is lost."""
    desk = await desk_of()
    cron = desk.api.cron
    job = evolve(desk.job, username="joe", status=JobStatus.DISABLED, extra={"new": "hunter22"})
    said = (
        "A job like this CronJob would lose status (it is disabled, and a new job runs from the "
        "start), new (cronapi knows no parameter for it), password (the service does not show it). "
        "JobSpec.from_job(job) carries the rest over."
    )
    with pytest.raises(ConfigurationError) as caught:
        await cron.add(job)
    assert caught.value.message == said
    with pytest.raises(ConfigurationError) as caught:
        cron.add_many([{"url": URL}, job])
    assert caught.value.message == f"cron.add_many: item 1: {said}"
    with pytest.raises(ConfigurationError) as caught:
        await cron.batch_add([job])
    assert caught.value.message == f"cron.batch_add: item 0: {said}"
    assert desk.asked() == []
    await cron.add_many([JobSpec.from_job(job)])
    await cron.add(evolve(desk.job, username="joe"), password="hunter33")
    assert desk.asked() == ["cron.add", "cron.add"]


async def test_fastcron_refuses_a_job_with_what_setcronjob_has_alone(desk_of):
    """A job of the other service is not taken for one of this."""
    desk = await desk_of()
    for changes in ({"notify": Notify.EVERY_RUN}, {"dns_cache": True}, {"second": ("0", "30")}):
        with pytest.raises(ConfigurationError, match=f"lose {next(iter(changes))}"):
            await desk.api.cron.add(evolve(desk.job, **changes))
    assert desk.asked() == []


async def test_a_job_moves_to_the_other_service(desk_of):
    """Value lists, codes and groups are written anew or named, and the rest arrives."""
    old, new = await desk_of("setcronjob"), await desk_of("fastcron")
    lists = {"minute": ["0", "30"], "hour": ["7"]}
    job = await old.api.cron.edit(
        old.job.id, **lists, notify=Notify.EVERY_RUN, http_headers=HEADERS
    )
    spec = JobSpec.from_job(job, provider=FASTCRON)
    assert [loss.field for loss in spec.losses] == ["group", "notify"]
    moved = await new.api.cron.add(spec)
    assert (moved.expression, moved.notify) == ("0,30 7 * * *", Notify.ON_FAILURE)
    assert moved.headers.lines == job.headers.lines


@pytest.mark.parametrize("given", [7, "x", {"url": URL}, [], object()])
async def test_only_a_job_can_be_added(desk_of, given):
    """Anything else is refused, and nothing is sent."""
    desk = await desk_of()
    with pytest.raises(ConfigurationError, match="job must be a CronJob or a JobSpec"):
        await desk.api.cron.add(given)
    assert desk.asked() == []


async def test_edits_take_no_job(desk_of):
    """An edit says what changes, and a whole job does not."""
    desk = await desk_of()
    with pytest.raises(ConfigurationError, match="not a CronJob: give the fields that change"):
        desk.api.cron.edit_many([(desk.job.id, desk.job)])
    with pytest.raises(
        ConfigurationError, match=r"has no parameter '\w+': it is a fact of an answer"
    ):
        await desk.api.cron.edit(desk.job.id, fail=0)
    assert desk.asked() == []


async def test_a_job_that_was_kept_as_json_is_added_again(desk_of):
    """A file of jobs restores them."""
    desk = await desk_of()
    kept = json.dumps([job.to_dict() async for job in desk.api.cron.iterate()])
    jobs = [CronJob.from_dict(data) for data in json.loads(kept)]
    await desk.api.cron.delete(desk.job.id)
    (back,) = (await desk.api.cron.add_many(jobs)).values
    assert evolve(back, id=desk.job.id) == desk.job


@pytest.mark.parametrize(("provider", "auth", "request_format"), WAYS)
async def test_one_header_is_rotated_in_one_line(desk_of, provider, auth, request_format):
    """Other headers stay as they are, repeated ones too, in every request format."""
    desk = await desk_of(provider, auth, request_format)
    job = await desk.api.cron.edit(desk.job.id, http_headers=HEADERS)
    job = await desk.api.cron.edit(job.id, http_headers=job.headers | {"x-key": "new"})
    assert job.http_headers == "x-key: new\r\nX-Trace: 1\r\nx-trace: 2"
    with pytest.raises(ConfigurationError, match="have one name"):
        await desk.api.cron.edit(job.id, http_headers={"X-Key": "1", "x-key": "2"})


@BOTH
async def test_a_client_and_its_namespaces_show_their_address(desk_of, provider):
    """A repr tells where calls go, and no token."""
    api = (await desk_of(provider)).api
    for namespace in (api.cron, api.group, api.account, api.server):
        name = type(namespace).__name__
        assert repr(namespace) == f"<{name} {api.provider.base_url}>"
    assert repr(api) == f"<Client {api.provider.base_url}>"
