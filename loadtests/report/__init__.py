"""What people read of load tests: one HTML file that needs nothing else."""
