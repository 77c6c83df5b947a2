"""Single calls that wait for a slot share one request."""

from cronapi._lazy import lazy

TYPE_CHECKING = False

if TYPE_CHECKING:
    from cronapi._coalesce.merger import Merger
else:
    __getattr__, __dir__ = lazy(__name__, {"Merger": "cronapi._coalesce.merger"})

__all__ = ["Merger"]
