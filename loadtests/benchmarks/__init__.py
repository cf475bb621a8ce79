"""Slipway beside other servers and beside itself: each prints a table for people and, last, one line of JSON."""
