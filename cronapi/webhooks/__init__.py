"""Endpoints for the notifications that a service posts, and for the calls that jobs make.

Every name is imported when it is first used. FastAPI and aiohttp are imported by their doors alone.
"""

from cronapi._lazy import lazy

TYPE_CHECKING = False

if TYPE_CHECKING:
    from cronapi.webhooks.cron_call import CronCall
    from cronapi.webhooks.cron_endpoint import CronEndpoint
    from cronapi.webhooks.dedupe import Dedupe, MemoryDedupe
    from cronapi.webhooks.endpoint import EndpointStats
    from cronapi.webhooks.hiding import hide_secret
    from cronapi.webhooks.notification import read_notification
    from cronapi.webhooks.receiver import Receiver
    from cronapi.webhooks.redis_dedupe import RedisDedupe

_HOMES = {
    "CronCall": "cronapi.webhooks.cron_call",
    "CronEndpoint": "cronapi.webhooks.cron_endpoint",
    "Dedupe": "cronapi.webhooks.dedupe",
    "EndpointStats": "cronapi.webhooks.endpoint",
    "MemoryDedupe": "cronapi.webhooks.dedupe",
    "Receiver": "cronapi.webhooks.receiver",
    "RedisDedupe": "cronapi.webhooks.redis_dedupe",
    "hide_secret": "cronapi.webhooks.hiding",
    "read_notification": "cronapi.webhooks.notification",
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy(__name__, _HOMES)

__all__ = [
    "CronCall",
    "CronEndpoint",
    "Dedupe",
    "EndpointStats",
    "MemoryDedupe",
    "Receiver",
    "RedisDedupe",
    "hide_secret",
    "read_notification",
]
