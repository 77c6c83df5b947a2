"""Many calls as one: planned for the fewest requests, with one outcome for each input, resumable, and merged while they wait."""

from cronapi.bulk.bulk import Bulk
from cronapi.bulk.report import BulkError, Cost, Done, Failed, NotTried, Outcome, Report, Unknown

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
