"""Bytes that nobody means well, for everything that reads bytes from outside. See docs/fuzzing.md."""
