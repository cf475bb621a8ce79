"""HTTP in processes of its own: N gateways take what clients send, and one engine answers."""
