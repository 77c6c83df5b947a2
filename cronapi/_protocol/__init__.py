"""The services' protocol as pure functions: parameters out, answers in; no I/O and no policy."""
