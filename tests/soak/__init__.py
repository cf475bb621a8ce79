"""A real server under mixed traffic, reloads, faults and callers who leave, and a ledger of it."""
