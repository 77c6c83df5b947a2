"""The fixtures that users' own tests get."""

from __future__ import annotations

pytest_plugins = ["cronapi.pytest_plugin"]


async def test_a_users_test_has_both_services_in_process(cron_emulator, fastcron, setcronjob):
    """A user's test adds jobs at both services and looks at their state, with no network and no waiting."""
    async with fastcron, setcronjob:
        for _ in range(20):
            await fastcron.cron.add(url="https://example.com/ping")
        job = await setcronjob.cron.add(url="https://example.com/pong", notify=True)
    assert len(cron_emulator.emulator.jobs("fastcron")) == 20
    assert [row["id"] for row in cron_emulator.emulator.jobs("setcronjob")] == [job.id]
