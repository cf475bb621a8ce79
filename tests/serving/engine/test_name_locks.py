import threading

from serving.engine.name_locks import NameLocks


def test_names_do_not_wait_for_one_another() -> None:
    locks = NameLocks()
    with locks.held("a"), locks.held("b"):
        assert len(locks) == 2
    assert len(locks) == 0


def test_one_name_is_held_by_one_thread() -> None:
    locks, inside, most = NameLocks(), 0, 0

    def enter() -> None:
        nonlocal inside, most
        for _ in range(200):
            with locks.held("a"):
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, inside, len(locks)) == (1, 0, 0)


def test_a_failure_lets_go() -> None:
    locks = NameLocks()
    try:
        with locks.held("a"):
            raise ValueError
    except ValueError:
        pass
    assert len(locks) == 0
