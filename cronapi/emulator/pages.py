"""The HTML pages of a web server whose service fails. Source: nginx's error pages."""

from __future__ import annotations

_REASONS = {
    302: "Found",
    404: "Not Found",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
}


def error_page(status: int) -> bytes:
    """Return nginx's page for a status, byte for byte except for the version."""
    title = f"{status} {_REASONS[status]}"
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n"
        "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    ).encode()
