"""Models that recommend: who had what, cleaned and split by user; how they are trained, and how good they are."""
