"""Posting a notification, as the service does."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

import click

PATIENCE = 30.0
"""Seconds that an endpoint may take."""
_SAMPLES: dict[str, dict[str, object]] = {
    "failed": {"status": 1, "message": "fails", "httpStatus": 502, "output": "Bad Gateway"},
    "recovered": {"status": 0, "message": "recovered", "httpStatus": 200, "output": "OK"},
}
"""The members in which the two kinds differ. Source: FastCron's webhook page, 2026-07."""


def sample(kind: str, number: int, name: str) -> dict[str, object]:
    """Return a notification of now."""
    own = _SAMPLES[kind]
    return {
        "id": number,
        "time": int(time.time()),
        "downloaded": len(str(own["output"])),
        "error": "",
        "executionTime": 0.02,
        "name": name,
        "url": "https://example.com/report",
        "group": "",
        **own,
    }


def check_address(url: str) -> None:
    """Refuse anything but an http or https address with a host, with click.BadParameter.

    The error does not show the address, which may hold a secret.
    """
    if not url.lower().startswith(("http://", "https://")):
        raise click.BadParameter("it must be an address that begins with http:// or https://.")
    if not url.isprintable() or " " in url:
        raise click.BadParameter("the address has a blank or a sign that no address has.")
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        has_host = False
    if not has_host:
        raise click.BadParameter("the address has no host, or a port that none has.")


def send(url: str, notification: dict[str, Any]) -> int:
    """Post a notification and return the HTTP status. Redirects are not followed.

    Raises click.ClickException, without the address's path, if there is no answer.
    """
    body, headers = json.dumps(notification).encode(), {"Content-Type": "application/json"}
    try:
        return post(url, body, headers)
    except OSError as error:
        raise click.ClickException(f"The endpoint gave no answer ({error}).") from error


def post(url: str, body: bytes, headers: dict[str, str], patience: float = PATIENCE) -> int:
    """Post a body and return the HTTP status. Redirects are not followed.

    Raises OSError, with a reason that has nothing of the address, if there is no answer.
    """
    check_address(url)
    try:
        request = urllib.request.Request(url, body, headers)  # noqa: S310 -- checked above
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=patience) as answer:
            status: int = answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except (OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise OSError(str(reason)) from error
    return status


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The service follows some redirects with a GET, in which the notification is lost."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow none, so that its status is the answer."""
