"""`cronapi plan|apply|drift|export|adopt`: jobs that a file describes."""
