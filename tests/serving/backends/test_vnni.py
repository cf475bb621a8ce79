import pytest

from serving.backends.vnni import is_exact, is_exact_on


@pytest.mark.parametrize(
    ("machine", "flags", "exact"),
    [
        ("x86_64", "fpu avx2 avx512f avx512_vnni", True),
        ("x86_64", "fpu avx2 avx_vnni", True),
        ("AMD64", "fpu avx2", False),
        ("x86_64", "", False),
        ("aarch64", "", True),
    ],
)
def test_products_of_bytes_are_exact_with_vnni_or_without_x86(machine: str, flags: str, exact: bool) -> None:
    assert is_exact_on(machine, f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t: none\n") is exact


def test_this_machine_is_asked() -> None:
    assert is_exact() in (True, False)
