"""Latency measured honestly."""
