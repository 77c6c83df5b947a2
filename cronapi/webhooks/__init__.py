"""Readers for the notifications that a service posts to a webhook."""

from cronapi.webhooks.notification import read_notification

__all__ = ["read_notification"]
