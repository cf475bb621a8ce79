"""The protocol extensions that a server offers, as its metadata lists them. Rule: only what is there."""


def extensions(allow_shared_memory: bool, is_explicit: bool) -> list[str]:
    """In Triton's order and words; its tools read from this list what they may call."""
    return [
        *("classification", "sequence"),
        *(["model_repository", "model_repository(unload_dependents)"] if is_explicit else []),
        *("schedule_policy", "model_configuration"),
        *(["system_shared_memory"] if allow_shared_memory else []),
        *("binary_tensor_data", "parameters", "statistics", "trace", "logging"),
    ]
