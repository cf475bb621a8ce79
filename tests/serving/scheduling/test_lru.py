from hypothesis import given
from hypothesis import strategies as st

from serving.scheduling.lru import LeastRecentlyUsed

KEYS = st.integers(0, 5)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.integers(0, 12)),
        st.tuples(st.just("get"), KEYS, st.just(0)),
        st.tuples(st.just("discard"), KEYS, st.just(0)),
    )
)


def test_the_least_recently_used_goes_first() -> None:
    kept: LeastRecentlyUsed[str, int] = LeastRecentlyUsed(30)
    for number, key in enumerate("abc"):
        assert kept.put(key, number, 10)
    assert kept.get("a") == 0
    assert kept.put("d", 3, 10)
    assert kept.keys() == ["c", "a", "d"], "b was used least recently, though put after a"
    assert (kept.get("b"), kept.evictions, kept.used) == (None, 1, 30)


def test_as_many_go_as_a_large_one_needs_and_no_more() -> None:
    kept: LeastRecentlyUsed[int, int] = LeastRecentlyUsed(30)
    for key in range(3):
        kept.put(key, key, 10)
    kept.put(9, 9, 15)
    assert (kept.keys(), kept.used, kept.evictions) == ([2, 9], 25, 2)


def test_what_is_larger_than_all_is_not_kept_and_costs_nobody_a_place() -> None:
    kept: LeastRecentlyUsed[str, str] = LeastRecentlyUsed(10)
    kept.put("a", "old", 4)
    kept.put("b", "stays", 4)
    assert not kept.put("a", "new", 11)
    assert (kept.get("a"), kept.get("b"), kept.used, kept.evictions) == (None, "stays", 4, 0)
    assert kept.put("c", "just fits", 6)


def test_a_key_has_one_value() -> None:
    kept: LeastRecentlyUsed[str, str] = LeastRecentlyUsed(10)
    kept.put("a", "old", 6)
    kept.put("a", "new", 7)
    assert (kept.get("a"), kept.used, len(kept), kept.evictions) == ("new", 7, 1, 0)


def test_it_says_how_full_it_is() -> None:
    kept: LeastRecentlyUsed[str, int] = LeastRecentlyUsed(10)
    kept.put("a", 1, 6)
    assert repr(kept) == "<LeastRecentlyUsed 1 entries, 6 of 10>"


@given(st.integers(0, 30), STEPS)
def test_it_is_never_above_its_bound_and_does_what_a_pla(bound: int, steps: list[tuple[str, int, int]]) -> None:
    kept: LeastRecentlyUsed[int, int] = LeastRecentlyUsed(bound)
    model: list[tuple[int, int, int]] = []  # key, value and size, least recently used first
    evicted = 0
    for number, (what, key, size) in enumerate(steps):
        entry = next((entry for entry in model if entry[0] == key), None)
        if entry is not None:
            model.remove(entry)
        if what == "put":
            fits = size <= bound
            while fits and sum(entry[2] for entry in model) + size > bound:
                model.pop(0)
                evicted += 1
            if fits:
                model.append((key, number, size))
            assert kept.put(key, number, size) is fits
        elif what == "get":
            assert kept.get(key) == (entry and entry[1])
            if entry is not None:
                model.append(entry)
        else:
            kept.discard(key)
        assert kept.keys() == [entry[0] for entry in model]
        assert kept.used == sum(entry[2] for entry in model) <= bound
        assert kept.evictions == evicted
