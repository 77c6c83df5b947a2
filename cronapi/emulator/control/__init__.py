"""Steering the emulator over HTTP, under `/_emulator/`: state, faults, time, runs, requests."""
