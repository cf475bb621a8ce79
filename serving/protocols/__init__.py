"""Codecs: bytes to vocabulary and back. No web framework, no sockets, no engine."""
