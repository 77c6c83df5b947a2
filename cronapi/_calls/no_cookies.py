"""A cookie jar that takes none: an API needs no cookies, and a front may set one each time."""

from __future__ import annotations

from http.client import HTTPResponse
from http.cookiejar import Cookie, CookieJar
from urllib.request import Request


class NoCookies(CookieJar):
    """Stays empty. It does not even read what an answer sets."""

    def extract_cookies(self, response: HTTPResponse, request: Request) -> None:
        """Leave the cookies of an answer unread."""

    def set_cookie(self, cookie: Cookie) -> None:
        """Leave a cookie out."""
