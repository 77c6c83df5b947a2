"""The two kinds of ConfigurationError that are no input of a call."""

from __future__ import annotations

from typing import Unpack

from cronapi.errors import CallFacts, ConfigurationError


def setting_error(text: str, **call: Unpack[CallFacts]) -> ConfigurationError:
    """Return the error for a wrong setting of the program, or a wrong use of cronapi."""
    return ConfigurationError(text, concerns="program", **call)


def closed_error(text: str, **call: Unpack[CallFacts]) -> ConfigurationError:
    """Return the error for a client or a bulk that is closed or about to be."""
    return ConfigurationError(text, concerns="closed", **call)
