"""Whether an autoscaler's targets hold an objective: replicas, balancer, Prometheus and HPA in virtual time."""
