import json

import numpy as np
import pytest
import torch
from rich.table import Table

from training.config import TrainConfig
from training.data import shop
from training.errors import InvalidConfig
from training.kind import TEST, VALIDATION, Rows
from training.recipes.shop_recommender import RECIPE
from training.recommendation.histories import Histories

KIND = RECIPE.kind
SMALL = {"width": 4, "hidden": 4, "dropout": 0.0, "best": 6}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Histories:
    path = tmp_path_factory.mktemp("shop") / "interactions.csv"
    lines = (f"{user},{item},{number}" for user, item, number in shop.purchases(200))
    path.write_text("\n".join(["user,item,time", *lines]))
    found: Histories = KIND.load(path, RECIPE.data)
    return found


def test_a_table_of_ones_own_is_read_as_the_options_say(data: Histories) -> None:
    assert data.card.source.endswith("interactions.csv")
    assert data.facts["length"] == 20
    assert "tea 01" in data.facts["labels"]


def test_what_is_served_takes_a_history_and_gives_the_best(data: Histories) -> None:
    model = KIND.task(data, SMALL, TrainConfig(steps=1, batch_size=8, learning_rate=0.1)).build()
    served = KIND.served(model, data.facts)
    assert [str(spec) for spec in (*served.inputs, *served.outputs)] == [
        "history INT64 [-1,20]",
        "items INT64 [-1,6]",
        "scores FP32 [-1,6]",
    ]
    rows = KIND.rows(data, TEST)
    with torch.inference_mode():
        items, _ = served.module(torch.from_numpy(rows.inputs["history"]))
    assert not (items.numpy()[:, :, None] == rows.inputs["history"][:, None, :]).any()


@pytest.mark.parametrize("part", [TEST, VALIDATION])
def test_rows_are_users_without_their_last_item(data: Histories, part: str) -> None:
    rows, users = KIND.rows(data, part), data.test if part == TEST else data.validation
    assert len(rows) == len(users)
    first = users.items[: users.starts[1]]
    assert rows.inputs["history"][0].tolist()[-len(first) + 1 :] == first[:-1].tolist()
    assert rows.truths["following"][0] == first[-1]


def test_an_example_is_a_history_by_its_items_names(data: Histories) -> None:
    rows = Rows({"history": np.array([[-1, 3], [-1, 4]])}, {"following": np.array([1, 2])})
    example = KIND.example(rows, {"items": np.array([[0, 1], [2, 0]])}, data.facts)
    assert json.loads(example.content)["inputs"] == [data.facts["labels"][4]]


def test_a_person_sees_it_beside_what_most_have_and_some_lists(data: Histories) -> None:
    rows = KIND.rows(data, TEST)
    outputs = {"items": np.stack([np.arange(6)] * len(rows))}
    table, *lines = KIND.shown(outputs, rows.truths, data.facts)
    assert isinstance(table, Table)
    assert len(lines) == 3
    assert all(str(line).startswith("after ") for line in lines)
    assert next(iter(KIND.score(outputs, rows.truths, data.facts))) == "hit_rate_10"


def test_what_no_list_can_be_made_of_is_refused(data: Histories) -> None:
    with pytest.raises(InvalidConfig, match=r"model.best must be at least 1"):
        KIND.build({**SMALL, "best": 0}, data.facts)


def test_a_report_tells_what_was_not_in_the_list(data: Histories) -> None:
    rows = KIND.rows(data, TEST)
    following = rows.truths["following"]
    lists = np.stack([following, following], axis=1)
    lists[2] = (following[2] + 1) % 5, (following[2] + 2) % 5
    served = KIND.served(KIND.build(SMALL, data.facts), data.facts)

    (section,) = KIND.findings(served, data, rows, {"items": lists})

    told, table = section.parts
    assert told.text == f"Of {len(rows)} users 1 came to something that was not in their list."
    ((_, recommended, came),) = table.rows
    labels = data.facts["labels"]
    assert (recommended, came) == (", ".join(labels[item] for item in lists[2]), labels[following[2]])
