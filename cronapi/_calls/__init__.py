"""One call: queue, exchange, retries, and the lookup of a create whose answer was lost."""
