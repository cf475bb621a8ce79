"""Requests that a model understands, made up from what its server says of it, or read from a file.

Rule: the same seed makes the same requests.
"""
