"""The commands of the `slipway` program, one per file."""
