"""Cron jobs as code: a file describes them, a plan says what differs, an apply makes it so."""

from cronapi._lazy import lazy

TYPE_CHECKING = False

if TYPE_CHECKING:
    from cronapi.errors import ManifestError, UnsafePlanError
    from cronapi.manifest.adopting import Adopted, AdoptedJob
    from cronapi.manifest.changes import Blocked, Brake, Change, FieldChange, NotInFile, Stopped
    from cronapi.manifest.checking import Finding
    from cronapi.manifest.cutover import cut_over, move_back
    from cronapi.manifest.exports import Exported, export
    from cronapi.manifest.limits import Limit
    from cronapi.manifest.manifest import Manifest
    from cronapi.manifest.migrating import JobLoss, Migrated, Unseen, migrate
    from cronapi.manifest.moved import CutOver, MovedBack, PlannedMove, Unmoved
    from cronapi.manifest.plan import Plan, Read
    from cronapi.manifest.result import ApplyResult, ChangeOutcome
    from cronapi.manifest.rotating import Rotated, RotatedJob, rotate

_HOMES = {
    "Adopted": "cronapi.manifest.adopting",
    "AdoptedJob": "cronapi.manifest.adopting",
    "ApplyResult": "cronapi.manifest.result",
    "Blocked": "cronapi.manifest.changes",
    "Brake": "cronapi.manifest.changes",
    "Change": "cronapi.manifest.changes",
    "ChangeOutcome": "cronapi.manifest.result",
    "CutOver": "cronapi.manifest.moved",
    "Exported": "cronapi.manifest.exports",
    "FieldChange": "cronapi.manifest.changes",
    "Finding": "cronapi.manifest.checking",
    "JobLoss": "cronapi.manifest.migrating",
    "Limit": "cronapi.manifest.limits",
    "Manifest": "cronapi.manifest.manifest",
    "ManifestError": "cronapi.errors",
    "Migrated": "cronapi.manifest.migrating",
    "MovedBack": "cronapi.manifest.moved",
    "NotInFile": "cronapi.manifest.changes",
    "Plan": "cronapi.manifest.plan",
    "PlannedMove": "cronapi.manifest.moved",
    "Read": "cronapi.manifest.plan",
    "Rotated": "cronapi.manifest.rotating",
    "RotatedJob": "cronapi.manifest.rotating",
    "Stopped": "cronapi.manifest.changes",
    "Unmoved": "cronapi.manifest.moved",
    "Unseen": "cronapi.manifest.migrating",
    "UnsafePlanError": "cronapi.errors",
    "cut_over": "cronapi.manifest.cutover",
    "export": "cronapi.manifest.exports",
    "migrate": "cronapi.manifest.migrating",
    "move_back": "cronapi.manifest.cutover",
    "rotate": "cronapi.manifest.rotating",
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy(__name__, _HOMES)

__all__ = [
    "Adopted",
    "AdoptedJob",
    "ApplyResult",
    "Blocked",
    "Brake",
    "Change",
    "ChangeOutcome",
    "CutOver",
    "Exported",
    "FieldChange",
    "Finding",
    "JobLoss",
    "Limit",
    "Manifest",
    "ManifestError",
    "Migrated",
    "MovedBack",
    "NotInFile",
    "Plan",
    "PlannedMove",
    "Read",
    "Rotated",
    "RotatedJob",
    "Stopped",
    "Unmoved",
    "UnsafePlanError",
    "Unseen",
    "cut_over",
    "export",
    "migrate",
    "move_back",
    "rotate",
]
