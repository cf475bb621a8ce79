"""The HTTP gateway: one FastAPI application, a router for each family of routes."""
