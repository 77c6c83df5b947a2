"""The parameters of jobs and functions, as a caller gives them: the one table of their types."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Unpack, cast

from cronapi._names import wire_name
from cronapi._protocol.arguments import refusal
from cronapi._protocol.declared import CLEARABLE_END, DECLARED, JobParams, NewJobParams
from cronapi._protocol.hidden import hide
from cronapi._protocol.hints import JOB_WORDS, hint
from cronapi._protocol.kinds import KINDS, Kind
from cronapi._protocol.losses import NOT_SETTINGS, Loss, Target, copy_of
from cronapi._protocol.redaction import SECRET_PARAMS, as_text, without_password
from cronapi.errors.concerns import input_error
from cronapi.models import CronJob
from cronapi.providers import Provider

CLEARABLE = frozenset(name for name, hint in DECLARED.items() if hint.endswith(CLEARABLE_END))
"""Parameters that None clears in an edit, by their Python names."""
KIND_OF: Mapping[str, Kind] = {
    spelt: KINDS[hint.removesuffix(CLEARABLE_END)]
    for name, hint in DECLARED.items()
    for spelt in (name, wire_name(name))
}
"""The kind of each parameter, by its Python name and by the wire's."""
RAW_KIND_OF = {name: kind for name, kind in KIND_OF.items() if name != "id"}
"""The kinds in a raw call of a known function: an id may be anything that it takes for one."""
ODD_KIND_OF = {
    name: RAW_KIND_OF[name] for name in ("http_headers", "httpHeaders", "notify", "run", "time")
}
"""The kinds in a call of a function that cronapi does not know: those with a form of their own."""


def check_names(params: Mapping[str, object], function: str) -> None:
    """Refuse a job parameter that does not exist, and say what is meant."""
    known = JobParams.__annotations__
    for name in params.keys() - known.keys():
        if name is None:
            raise input_error(f"{function} has more cells than its table has columns.")
        end = hint(name, known, JOB_WORDS)
        if name in NOT_SETTINGS:
            end = ": it is a fact of an answer. JobSpec.from_job(job) leaves such facts out."
        raise input_error(f"{function} has no parameter {as_text(name, repr)}{end}")


def check_values(params: Mapping[str, object]) -> None:
    """Refuse a parameter of another type than it is declared with. None is not checked."""
    for name, value in params.items():
        if value is not None:
            KIND_OF[name].send(name, value)


class JobSpec:
    """The description of a new job, made from the same parameters as `cron.add`.

    An unknown parameter, a value of another type and a missing url are a ConfigurationError. Specs
    with equal parameters are equal. The repr hides secrets.
    """

    __slots__ = ("_losses", "_params")

    def __init__(self, **params: Unpack[NewJobParams]) -> None:
        self._params: Mapping[str, Any] = MappingProxyType(dict(params))
        self._losses: tuple[Loss, ...] = ()
        params = hide(params)
        check_values(as_params(params))

    @classmethod
    def from_job(cls, job: CronJob, *, provider: Provider | None = None) -> JobSpec:
        """Return the description of a new job like one that a service has shown.

        It has all that can be carried over, and `losses` names the rest. `provider` is the service
        of the new job, if it is another one than the job's. An answer does not show everything:
        `Provider.hides` names the rest. So a parameter that it leaves out is neither carried over
        nor among the losses.
        ConfigurationError if the job shows no url.
        """
        if not isinstance(job, CronJob):
            raise refusal("job", "a CronJob", job, "input")
        if not (provider is None or isinstance(provider, Provider)):
            raise refusal("provider", "a Provider, such as FASTCRON, or None", provider)
        return _spec_of(job, Target(provider, moves=provider is not None))

    @property
    def params(self) -> Mapping[str, Any]:
        """The parameters, read-only, by their Python names."""
        return self._params

    @property
    def losses(self) -> tuple[Loss, ...]:
        """All that `from_job` could not carry over, each with its field and the reason.

        A spec that was made otherwise has none. They do not count in a comparison.
        """
        return self._losses

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JobSpec) and self.params == other.params

    def __hash__(self) -> int:
        return hash((self.params["url"], self.params.get("name")))

    def __reduce__(self) -> tuple[Any, ...]:
        return _remake_spec, (dict(self.params), self._losses)

    def __repr__(self) -> str:
        shown = (
            f"{k}={'***' if k in SECRET_PARAMS else as_text(without_password(v), repr)}"
            for k, v in self.params.items()
        )
        lost = ", ".join(loss.field for loss in self._losses)
        return f"JobSpec({', '.join(shown)}{f' <lost: {lost}>' if lost else ''})"


def _remake_spec(params: NewJobParams, losses: tuple[Loss, ...] = ()) -> JobSpec:
    spec = JobSpec(**params)
    spec._losses = losses  # noqa: SLF001 -- it makes the spec
    return spec


def _spec_of(job: CronJob, target: Target) -> JobSpec:
    copy = copy_of(job, target, lambda name, value: KIND_OF[name].send(name, value))
    return _remake_spec(cast("NewJobParams", hide(copy.params)), copy.losses)


def as_params(
    spec: JobSpec | CronJob | Mapping[str, Any],
    what: str = "A job",
    *,
    provider: Provider | None = None,
    changes: Mapping[str, Any] | None = None,
) -> Mapping[str, Any]:
    """Return the parameters of a new job, given as a JobSpec or as a mapping of the same names.

    Or as a CronJob that loses nothing, as far as `changes` do not set it anew. `what` names the job
    in an error. `provider` is the service that it goes to.
    """
    if isinstance(spec, CronJob):
        spec = _lossless(spec, Target(provider), changes or {})
    if isinstance(spec, JobSpec) and not changes:
        return spec.params
    params = spec.params if isinstance(spec, JobSpec) else spec
    if not isinstance(params, Mapping):
        raise input_error(
            f"{what} is a JobSpec, a CronJob or a mapping, not a {type(spec).__name__}."
        )
    params = hide({**params, **changes}) if changes else params
    check_names(params, what)
    url = params.get("url")
    if url is None or (isinstance(url, str) and not url):
        raise input_error(f"{what} needs a url.")
    return params


def params_like(
    job: CronJob | JobSpec | None, changes: Mapping[str, Any], what: str, provider: Provider
) -> Mapping[str, Any]:
    """Return the parameters of a new job like another one, with changes, or only these."""
    if job is None:
        return as_params(changes, what)
    if not isinstance(job, CronJob | JobSpec):
        raise refusal("job", "a CronJob or a JobSpec, or parameters by name", job, "input")
    return as_params(job, what, provider=provider, changes=changes)


def _lossless(job: CronJob, target: Target, changes: Mapping[str, Any]) -> JobSpec:
    """Return the spec of a job, or refuse one that loses what no change sets anew."""
    spec = _spec_of(job, target)
    lost = [str(loss) for loss in spec.losses if loss.field not in changes]
    if lost:
        raise input_error(
            f"A job like this CronJob would lose {', '.join(lost)}. "
            "JobSpec.from_job(job) carries the rest over."
        )
    return spec
