from collections import Counter
from itertools import pairwise

from training.data import shop

ROWS = list(shop.purchases(300))
BY_CUSTOMER: dict[str, list[str]] = {}
for customer, item, _ in ROWS:
    BY_CUSTOMER.setdefault(customer, []).append(item)


def test_it_is_the_same_shop_every_time() -> None:
    assert list(shop.purchases(3)) == ROWS[: len(list(shop.purchases(3)))]


def test_nobody_buys_the_same_twice_and_purchases_are_counted() -> None:
    assert len(BY_CUSTOMER) == 300
    assert all(len(set(items)) == len(items) for items in BY_CUSTOMER.values())
    assert [number for customer, _, number in ROWS if customer == "customer 0007"] == list(
        range(len(BY_CUSTOMER["customer 0007"]))
    )


def test_customers_like_few_departments_and_low_numbers_sell() -> None:
    assert max(len({item.split()[0] for item in items}) for items in BY_CUSTOMER.values()) <= 3
    sold = Counter(item.split()[1] for _, item, _ in ROWS)
    assert sold["01"] > 2 * sold["25"]


def test_the_next_number_often_follows() -> None:
    followed = [
        int(after[-2:]) == int(before[-2:]) + 1 for items in BY_CUSTOMER.values() for before, after in pairwise(items)
    ]
    assert 0.3 < sum(followed) / len(followed) < 0.7
