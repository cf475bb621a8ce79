"""Sound: recordings as files to samples, and what a model heard in them to words."""
