"""Replicas behind a balancer, which are replaced while they are asked. Rule: every client is one that people use."""
