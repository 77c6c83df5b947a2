"""Check the objects that a client is given."""

from __future__ import annotations

from typing import get_args

from cronapi._calls.retry import RetryPolicy
from cronapi._protocol.arguments import choice, positive, refusal
from cronapi._protocol.request import Auth
from cronapi.errors.concerns import setting_error
from cronapi.providers import Provider
from cronapi.scheduler import Scheduler


def check_given(provider: object, scheduler: object, transport: object) -> None:
    """Refuse objects of another kind where one of ours, or a transport, belongs."""
    if not isinstance(provider, Provider):
        raise refusal("provider", "a Provider, such as FASTCRON", provider)
    if scheduler is not None and not isinstance(scheduler, Scheduler):
        raise refusal("scheduler", "a Scheduler or None", scheduler)
    if transport is not None and not callable(getattr(transport, "handle_async_request", None)):
        raise refusal("transport", "an async transport of httpx or None", transport)


def checked_timeout(timeout: float) -> float:
    """Return a positive number of seconds."""
    return positive("timeout", "a positive number of seconds", timeout)


def checked_retry(retry: RetryPolicy | None) -> RetryPolicy | None:
    """Return a RetryPolicy or None."""
    if not (retry is None or isinstance(retry, RetryPolicy)):
        raise refusal("retry", "a RetryPolicy or None", retry)
    return retry


def check_http_client(client: object, transport: object, *, token_is_logged: bool) -> None:
    """Refuse anything but a client of httpx, and one that would log the token."""
    if not _is_http_client(client):
        raise setting_error(
            f"http_client must be an AsyncClient of httpx or httpx2, not a {type(client).__name__}."
        )
    if transport is not None:
        raise setting_error("Give an http_client or a transport, not both.")
    if token_is_logged:
        raise setting_error(
            "request_format='query' with an http_client of your own would put the token into its "
            "logs."
        )


def _is_http_client(value: object) -> bool:
    kinds = ((cls.__module__.partition(".")[0], cls.__name__) for cls in type(value).__mro__)
    return any(kind in (("httpx", "AsyncClient"), ("httpx2", "AsyncClient")) for kind in kinds)


def check_auth(auth: object, provider: Provider) -> None:
    """Refuse a way to send the token that a provider does not know."""
    choice("auth", auth, get_args(Auth))
    if auth == "bearer" and not provider.bearer:
        raise setting_error(
            f"{provider.name} takes its token in the body; it knows no Bearer header."
        )
