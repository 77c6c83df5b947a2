"""The three kinds of ConfigurationError. Each place in cronapi that makes one chooses here.

A web application shows the text of an input error to its user, and no other.
"""

from __future__ import annotations

from typing import Unpack

from cronapi.errors import CallFacts, ConfigurationError


def input_error(text: str, **call: Unpack[CallFacts]) -> ConfigurationError:
    """Return the error for input of a call that cannot be used."""
    return ConfigurationError(text, concerns="input", **call)


def setting_error(text: str, **call: Unpack[CallFacts]) -> ConfigurationError:
    """Return the error for a wrong setting of the program, or a wrong use of cronapi."""
    return ConfigurationError(text, concerns="program", **call)


def closed_error(text: str, **call: Unpack[CallFacts]) -> ConfigurationError:
    """Return the error for a client or a bulk that is closed or about to be."""
    return ConfigurationError(text, concerns="closed", **call)
