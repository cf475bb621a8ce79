from loadtests.benchmarks.client_costs import costs, table


def test_each_client_has_its_cost() -> None:
    found = costs(requests=40, callers=2)
    own, *others = (found[name] for name in found if name.startswith("HTTP"))
    assert own < min(others)
    assert table(found).count("\n") == len(found) + 1 == 7
