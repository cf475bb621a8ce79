"""How a model that writes is trained: text to tokens, tokens to weights, and what is kept of it."""
