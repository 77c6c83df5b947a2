"""`cronapi demo`: a simulated day of a web backend, or a read-only tour of a real account."""
