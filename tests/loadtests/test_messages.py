from loadtests.messages import Messages


def test_what_differs_in_numbers_only_is_one_by_the_first_that_came() -> None:
    messages = Messages(most=5)
    for waiting in range(1000):
        messages.add(f"it would start in about {waiting}.5 ms and has 245 ms")
    messages.add("out of memory", count=3)
    assert messages.counts == {"it would start in about 0.5 ms and has 245 ms": 1000, "out of memory": 3}


def test_of_very_many_some_are_kept_and_those_are_counted_on() -> None:
    messages = Messages(most=2)
    for message in ("a", "b", "c", "a", "c"):
        messages.add(message)
    assert messages.counts == {"a": 2, "b": 1}
