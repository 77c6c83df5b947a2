"""Notifications that a service posts."""

from cronapi.webhooks.notification import read_notification

__all__ = ["read_notification"]
