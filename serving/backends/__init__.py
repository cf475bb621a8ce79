"""Shells around the runtimes: a model file and arrays in, arrays out. No batching, threads, protocol or metrics."""
