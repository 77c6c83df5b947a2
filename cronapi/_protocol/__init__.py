"""The services' protocol as pure functions without I/O or policy: parameters out, answers in."""
