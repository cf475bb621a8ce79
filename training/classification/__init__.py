"""Models that say which class a row is of: pictures, numbers, texts."""
