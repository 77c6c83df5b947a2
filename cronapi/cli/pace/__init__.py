"""`cronapi pace`: a live picture of the scheduler at work."""
