"""A sample of the requests that a server gets, as a file that a load test can replay (docs/recording.md)."""
