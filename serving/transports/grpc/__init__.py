"""Triton's gRPC service. Its own name for it is always `serving.transports.grpc`; `grpc` is the library."""
