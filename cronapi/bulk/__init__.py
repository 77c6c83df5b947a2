"""Many calls as one: with the fewest requests, one outcome for each input, and a journal."""

from cronapi._lazy import lazy

TYPE_CHECKING = False

if TYPE_CHECKING:
    from cronapi.bulk import bulk as bulk
    from cronapi.bulk import operations as operations
    from cronapi.bulk import report as report
    from cronapi.bulk.bulk import Bulk
    from cronapi.bulk.report import (
        BulkError,
        Cost,
        Done,
        Failed,
        NotTried,
        Outcome,
        Report,
        Unknown,
    )

_HOMES = {
    "Bulk": "cronapi.bulk.bulk",
    "BulkError": "cronapi.bulk.report",
    "Cost": "cronapi.bulk.report",
    "Done": "cronapi.bulk.report",
    "Failed": "cronapi.bulk.report",
    "NotTried": "cronapi.bulk.report",
    "Outcome": "cronapi.bulk.report",
    "Report": "cronapi.bulk.report",
    "Unknown": "cronapi.bulk.report",
}
_MODULES = ("bulk", "operations", "report")

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy(__name__, _HOMES, _MODULES)

__all__ = [
    "Bulk",
    "BulkError",
    "Cost",
    "Done",
    "Failed",
    "NotTried",
    "Outcome",
    "Report",
    "Unknown",
]
