"""Decisions about which requests run together and when. No clock, no thread, no I/O."""
