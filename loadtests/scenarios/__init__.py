"""Load tests that are written in files: what is sent, what happens meanwhile, and what must be true at the end."""
