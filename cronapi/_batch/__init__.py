"""Requests for several jobs at once, and the result of each job."""
