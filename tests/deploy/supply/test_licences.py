import re
from importlib.metadata import distributions

import pytest
from packaging.utils import canonicalize_name

from deploy.supply.licences import (
    EXCEPTIONS,
    PAGE,
    ROOT,
    Package,
    brought,
    installed,
    is_excepted,
    is_permissive,
    licence,
    listed,
    pins,
)

LISTED = listed(PAGE.read_text())


def test_every_package_that_is_pinned_is_listed_and_no_other() -> None:
    assert LISTED.keys() == pins((ROOT / "constraints.txt").read_text()).keys(), "make licences"


def test_every_licence_is_permissive_or_an_exception_with_its_reason() -> None:
    others = {name: words for name, (words, _) in LISTED.items() if not is_permissive(words) and not is_excepted(name)}
    assert others == {}, "leave it, or write down in deploy/supply/licences.py why it may be here: EXCEPTIONS"
    needless = [
        name
        for name in EXCEPTIONS
        if not any(each.startswith(name.rstrip("*")) and not is_permissive(LISTED[each][0]) for each in LISTED)
    ]
    assert needless == []


def test_what_a_server_needs_is_all_permissive_but_for_one_file_based_licence() -> None:
    server = {name: words for name, (words, brings) in LISTED.items() if brings in ("server", "cpu")}
    assert [name for name, words in server.items() if not is_permissive(words)] == ["orjson"]
    assert len(server) < 45, "a server's dependencies grow: is each worth it? docs/decisions/0002-dependencies.md"


def test_what_is_installed_here_says_of_itself_what_is_listed() -> None:
    """In the release that was read for the list."""
    pinned = re.findall(r"^([\w.-]+)==([^ ;\n]+)", (ROOT / "constraints.txt").read_text(), re.M)
    once = {name: release for name, release in pinned if sum(name == other for other, _ in pinned) == 1}
    found = {canonicalize_name(each.metadata["Name"]): each.version for each in distributions()}
    here = [name for name, release in once.items() if found.get(name, "").partition("+")[0] == release]
    told = {name: package.licence for name in here if (package := installed(name))}
    assert told == {name: LISTED[name][0] for name in told}, "make licences"
    assert len(told) > 50


@pytest.mark.parametrize(
    ("expression", "classifiers", "words", "told"),
    [
        ("MIT", ["License :: OSI Approved :: BSD License"], "", "MIT"),
        ("", ["License :: OSI Approved :: BSD License"], "BSD-3-Clause", "BSD-3-Clause"),
        ("", ["License :: OSI Approved :: BSD License"], "Copyright (c) 2015, somebody\n", "BSD"),
        ("", ["License :: OSI Approved :: MIT License", "License :: OSI Approved"], "=====", "MIT"),
        ("", [], "MPL-2.0 AND MIT", "MPL-2.0 AND MIT"),
        ("", [], "", ""),
    ],
)
def test_old_and_new_metadata_are_told_in_the_same_words(
    expression: str, classifiers: list[str], words: str, told: str
) -> None:
    assert licence(expression, classifiers, words) == told


def test_only_what_is_known_to_be_permissive_is() -> None:
    assert is_permissive("Apache-2.0 WITH LLVM-exception AND (MIT OR BSD-2-Clause)")
    assert not any(map(is_permissive, ("", "unknown", "MIT AND GPL-3.0-only", "LicenseRef-NVIDIA-Proprietary")))


def test_a_package_comes_with_the_first_that_brings_it_by_whatever_way() -> None:
    packages = {
        "a": Package("a", "MIT", ("b", "c; extra == 'more'", "d; python_version < '3'")),
        "b": Package("b", "MIT", ("a",)),
        "c": Package("c", "MIT"),
        "d": Package("d", "MIT"),
    }
    assert brought(packages, {"server": ["a"], "dev": ["a[more]>=1"]}) == {"a": "server", "b": "server", "c": "dev"}
