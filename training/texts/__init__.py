"""Models that say what kind of text a text is, or what mood it is in."""
