"""Shells around sockets: each turns its protocol's messages into the engine's requests and back."""
