import pytest

from serving.core.versions import is_version


@pytest.mark.parametrize("name", ["0", "1", "10", "20261124"])
def test_numbers_are_versions(name: str) -> None:
    assert is_version(name)


@pytest.mark.parametrize("name", ["", "01", "-1", "1.0", "1 ", "v1", ".publishing-1", "²", "٣"])
def test_anything_else_is_not(name: str) -> None:
    assert not is_version(name)
