import inspect

from training import errors


def test_the_tree_in_the_docstring_names_every_error() -> None:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]

    assert all(issubclass(kind, errors.TrainingError) for kind in kinds)
    assert all(kind.__name__ in str(errors.__doc__) for kind in kinds)
