"""Networks, one per file, and the parts that make one into a classifier of raw inputs."""
