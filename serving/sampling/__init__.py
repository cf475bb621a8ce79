"""Which token follows: pure, and the same whatever else is in the batch. Rule: nothing here knows text."""
