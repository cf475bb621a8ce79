"""Between text and tokens. Rule: nothing here knows a model's weights, a request or a protocol."""
