"""The load test: requests that leave when they should, what became of them, and what follows from that."""
