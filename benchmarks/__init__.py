"""Comparisons with peers in the same run, given as ratios rather than absolute times."""
