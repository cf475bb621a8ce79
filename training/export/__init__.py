"""A checkpoint becomes model files that were compared with it, and then a version in a model repository."""
