"""The emulator's page at `/`: what is there and what happened, with and without JavaScript.

It is one more client of the functions in `control/`: they give it its facts, and it makes HTML.
"""
