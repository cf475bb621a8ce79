"""From bundled data to a published model version: recipes, training, checkpoints, export, parity, publishing."""
