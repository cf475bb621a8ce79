"""What was traced, to an OpenTelemetry collector."""
