import gc
import tracemalloc

import numpy as np
import pytest

from serving.core.requests import Arrays
from serving.engine.response_cache import Key, ResponseCache, size_of

MODEL = object()


def key(number: int, model: object = MODEL) -> Key:
    return Key(model, number.to_bytes(32, "little"))


def text(*elements: bytes) -> np.ndarray:
    array = np.empty(len(elements), object)
    array[:] = elements
    return array


def test_what_was_put_is_found() -> None:
    cache = ResponseCache(100_000)
    outputs = {"y": np.arange(6).reshape(2, 3), "t": text(b"a", b"")}
    cache.put(key(1), outputs)
    found = cache.get(key(1))
    assert found is not None
    assert {name: array.tolist() for name, array in found.items()} == {"y": [[0, 1, 2], [3, 4, 5]], "t": [b"a", b""]}
    assert found["y"].dtype == np.int64
    assert cache.get(key(2)) is None


def test_what_is_kept_is_a_copy_of_the_rows_alone_that_nobody_can_write_to() -> None:
    """Outputs are rows of a whole batch's array, which is not kept for the sake of one of them."""
    cache = ResponseCache(100_000)
    batch = np.arange(1000.0).reshape(100, 10)
    cache.put(key(1), {"y": batch[3:4]})
    batch[:] = 0
    found = cache.get(key(1))
    assert found is not None
    assert found["y"].tolist() == [list(range(30, 40))]
    assert found["y"].base is None
    assert found["y"].flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        found["y"][:] = 1


def test_an_answer_larger_than_the_cache_is_shared_and_not_kept() -> None:
    cache = ResponseCache(1000)
    cache.put(key(1), {"y": np.zeros(10)})
    large = np.arange(1000)
    shared = cache.put(key(2), {"y": large})
    assert shared["y"].tolist() == large.tolist()
    assert not shared["y"].flags.writeable
    assert large.flags.writeable, "the model may use its own array again"
    assert cache.get(key(2)) is None
    assert cache.get(key(1)) is not None
    assert cache.evictions == 0


def test_it_never_holds_more_than_its_size() -> None:
    cache = ResponseCache(10_000)
    for number in range(100):
        cache.put(key(number), {"y": np.zeros(number)})
        assert 0 < cache.used <= cache.size
    assert cache.evictions > 80
    assert cache.get(key(99)) is not None
    assert cache.get(key(0)) is None


@pytest.mark.parametrize(
    "outputs",
    [
        {"y": np.zeros((1, 10), np.float32)},
        {f"output_{number}": np.zeros((1, 2, 3), np.int8) for number in range(12)},
        {"t": text(*(b"%d" % number * 20 for number in range(50)))},
        {"y": np.broadcast_to(np.float32(0), (8, 8))},
        {},
    ],
    ids=["one", "many", "text", "broadcast", "none"],
)
def test_the_size_that_is_counted_is_no_less_than_what_it_takes(outputs: Arrays) -> None:
    cache, count = ResponseCache(1 << 30), 1000

    def fresh() -> Arrays:
        """As a model makes them: elements of object arrays are new."""
        return {
            name: text(*(bytes(bytearray(element)) for element in array)) if array.dtype == object else array
            for name, array in outputs.items()
        }

    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(count):
        cache.put(cache.key(MODEL, {"x": np.array([number])}, {}), fresh())
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert taken <= cache.used == count * size_of(outputs)
    assert cache.used <= 2.5 * taken, "nor is it far more"


def test_a_version_that_goes_takes_its_answers_along_and_no_others() -> None:
    cache, other = ResponseCache(100_000), object()
    for number in range(5):
        cache.put(key(number), {"y": np.zeros(number)})
        cache.put(key(number, other), {"y": np.zeros(number)})
    used = cache.used
    cache.forget(MODEL)
    assert [cache.get(key(number)) is None for number in range(5)] == [True] * 5
    assert [cache.get(key(number, other)) is None for number in range(5)] == [False] * 5
    assert (cache.used, cache.evictions) == (used // 2, 0)


def test_a_single_answer_can_be_discarded() -> None:
    cache = ResponseCache(100_000)
    cache.put(key(1), {"y": np.zeros(3)})
    cache.discard(key(1))
    cache.discard(key(1))
    assert (cache.get(key(1)), cache.used) == (None, 0)
    assert repr(cache) == "<ResponseCache 0 entries, 0 of 100000 bytes>"


def test_no_two_caches_have_the_same_keys() -> None:
    inputs = {"x": np.arange(3)}
    one, two = ResponseCache(1), ResponseCache(1)
    assert one.key(MODEL, inputs, {}) == one.key(MODEL, inputs, {})
    assert one.key(MODEL, inputs, {}) != two.key(MODEL, inputs, {})
