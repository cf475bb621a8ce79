"""The shell between transports and models: what is loaded, which threads run it, and who waits for an answer."""
