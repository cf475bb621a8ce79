from serving.transports.extensions import extensions


def test_only_what_was_switched_on_is_listed() -> None:
    most, all_of_them = set(extensions(False, False)), set(extensions(True, True))
    assert all_of_them - most == {"system_shared_memory", "model_repository", "model_repository(unload_dependents)"}
    assert {"statistics", "classification", "binary_tensor_data"} <= most
