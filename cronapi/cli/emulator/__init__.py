"""`cronapi emulator`: both services on a local address, until Ctrl-C."""
