"""How results are shown: members, columns, formats, and secrets that are not shown."""
