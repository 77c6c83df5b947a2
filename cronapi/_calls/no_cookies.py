"""A cookie jar that takes none: an API needs no cookies, and a front may set one each time."""

from __future__ import annotations

from http.cookiejar import Cookie, CookieJar


class NoCookies(CookieJar):
    """Stays empty. It does not even read what an answer sets.

    It stands in the place of httpx's own cookies. Those would turn each answer and its request into
    objects of urllib, which takes a sixth of the time of a request.
    """

    def extract_cookies(self, response: object, request: object = None) -> None:
        """Leave the cookies of an answer unread."""

    def set_cookie(self, cookie: Cookie) -> None:
        """Leave a cookie out."""
