"""One runnable file per model: data, network and the parameters that train it."""
