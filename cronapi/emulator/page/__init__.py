"""The emulator's page at `/`: its state and its history, with and without JavaScript.

It is one more client of the functions in `control/`: they give it its facts, and it makes HTML.
"""
