"""The results of the services, as frozen attrs classes and open enums.

Every member but `id` may be missing (None). Unknown members are kept in `extra`. Times are aware
UTC datetimes. `to_dict` and `from_dict` are a result's way to JSON and back. Sources: the data
pages of both services, 2013 to 2026.

House rule: nothing here knows cattrs or the network.
"""

from cronapi._lazy import lazy
from cronapi.models.account import Account, ServerAddress
from cronapi.models.codes import JobStatus, Notify, OpenEnum
from cronapi.models.execution import Attempt, Execution, Notification
from cronapi.models.job import CronJob, Group
from cronapi.models.wire import Wire, former_names, wire_names

TYPE_CHECKING = False

if TYPE_CHECKING:
    from cronapi.models.headers import Headers

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy(__name__, {"Headers": "cronapi.models.headers"})

__all__ = [
    "Account",
    "Attempt",
    "CronJob",
    "Execution",
    "Group",
    "Headers",
    "JobStatus",
    "Notification",
    "Notify",
    "OpenEnum",
    "ServerAddress",
    "Wire",
    "former_names",
    "wire_names",
]
