"""The HTML a web server answers with when the service behind it does not. Source: nginx's error pages."""

from __future__ import annotations

_REASONS = {
    302: "Found",
    404: "Not Found",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
}


def error_page(status: int) -> bytes:
    """Return nginx's page for a status, byte for byte but for the version."""
    title = f"{status} {_REASONS[status]}"
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    ).encode()
