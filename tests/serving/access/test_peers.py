from typing import Any

import pytest

from serving.access.peers import grpc_address, grpc_peer, is_near, is_near_page


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "0:0:0:0:0:0:0:1"])
def test_loopback_is_near_in_every_spelling(address: str) -> None:
    assert is_near(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "10.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "localhost",
        "127.0.0.1:80",
        "127.1",
        "0.0.0.0",
        "::",
        "fe80::1",
    ],
)
def test_what_is_not_certain_is_elsewhere(address: str) -> None:
    assert not is_near(address)


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:127.0.0.1:5000", "127.0.0.1"),
        ("ipv6:[::1]:5000", "::1"),
        ("ipv6:%5B::ffff:10.0.0.1%5D:5000", "::ffff:10.0.0.1"),
        ("unix:", ""),
        ("", ""),
    ],
)
def test_grpc_says_where_a_caller_is(peer: str, address: str) -> None:
    assert grpc_address(peer) == address


@pytest.mark.parametrize(
    ("origin", "is_near"),
    [
        ("http://localhost:8000", True),
        ("https://127.0.0.1", True),
        ("http://[::1]:8000", True),
        ("http://evil.example", False),
        ("http://localhost.evil.example:8000", False),
        ("http://localhost@evil.example", False),
        ("null", False),
        ("http://[", False),
    ],
)
def test_a_page_is_near_by_its_own_name(origin: str, is_near: bool) -> None:
    assert is_near_page(origin) is is_near


@pytest.mark.parametrize(
    ("name", "written"),
    [
        (("10.0.0.1", 5000), "ipv4:10.0.0.1:5000"),
        (("fe80::1", 5000, 0, 2), "ipv6:%5Bfe80::1%5D:5000"),
        (None, "unix:"),
    ],
)
def test_a_peer_is_written_as_grpc_writes_it_and_read_again(name: tuple[Any, ...] | None, written: str) -> None:
    assert grpc_peer(name) == written
    assert grpc_address(written) == (name[0] if name else "")
