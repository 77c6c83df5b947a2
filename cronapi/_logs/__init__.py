"""All that the library logs: the lines, their fields, and `CRONAPI_LOG`."""
