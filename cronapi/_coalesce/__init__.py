"""Single calls that wait for a slot share one request."""
