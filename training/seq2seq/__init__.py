"""Models that read a text and write an answer: their tokens, their training, and their way to a version."""
