"""`cronapi help`: pages that belong to no command."""
