"""Vocabulary: the data that every other package speaks in."""
