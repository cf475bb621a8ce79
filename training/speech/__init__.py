"""Models that transcribe speech: from recordings and their texts to characters frame by frame."""
