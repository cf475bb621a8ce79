"""The tests. Rule: what all of their processes are told stands here, since this is imported before any library."""

import os

# PyTorch's threads spin while they wait, which takes a core from whatever else runs on the machine.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# No test asks anybody over TLS, and httpx reads all of the world's certificates for every client, in 27 ms, unless they
# are said to be elsewhere.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = os.devnull
