"""Many calls as one: with the fewest requests, one outcome for each input, and a journal."""

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
