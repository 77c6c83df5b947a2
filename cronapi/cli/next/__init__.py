"""`cronapi next`: when an expression runs, computed on this machine."""
