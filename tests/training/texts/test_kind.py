import json

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertForSequenceClassification

from tests.training.texts.small_texts import reviews
from training.answers import answers
from training.kind import TEST, VALIDATION
from training.models.encoder import FilledTexts
from training.recipes.docs_classifier import RECIPE
from training.report.section import Table, Words
from training.texts.data import prepared
from training.texts.kind import Texts

KIND = Texts(lambda: reviews(400))
DATA = KIND.load(None, {**RECIPE.data, "vocab_size": 300, "max_tokens": 32})
HYPERPARAMETERS = {**RECIPE.hyperparameters, "hidden_size": 16, "intermediate_size": 24}


def network() -> FilledTexts:
    torch.manual_seed(0)
    model = KIND.build(HYPERPARAMETERS, DATA.facts)
    assert isinstance(model, FilledTexts)
    return model.eval().requires_grad_(False)


def test_without_data_of_ones_own_it_is_the_recipes() -> None:
    assert DATA.fingerprint() == prepared(reviews(400), 300, 32).fingerprint()


def test_what_is_served_answers_as_the_network_that_was_trained() -> None:
    model = network()
    rows = KIND.rows(DATA, TEST)

    found = answers(KIND.served(model, DATA.facts), rows.inputs)["probabilities"]

    np.testing.assert_allclose(found, model(DATA.test.features).softmax(-1), atol=1e-6)
    assert rows.truths["label"].tolist() == DATA.test.labels.tolist()
    assert len(KIND.rows(DATA, VALIDATION)) == len(DATA.validation)


def test_its_weights_and_config_are_those_of_transformers() -> None:
    served = KIND.served(network(), DATA.facts)
    theirs = BertForSequenceClassification(BertConfig(**json.loads(served.files["config.json"]))).eval()
    own = served.module.state_dict()
    theirs.load_state_dict({name.replace("pooler.", "bert.pooler.", 1): tensor for name, tensor in own.items()})

    given = {name: torch.from_numpy(array) for name, array in KIND.rows(DATA, TEST).inputs.items()}
    torch.testing.assert_close(served.module(*given.values()), theirs(**given).logits.softmax(-1), rtol=1e-4, atol=1e-5)


def test_a_report_has_the_worst_texts_and_colours_words() -> None:
    served, rows = KIND.served(network(), DATA.facts), KIND.rows(DATA, TEST)

    found = {section.title: section for section in KIND.findings(served, DATA, rows, answers(served, rows.inputs))}

    (worst,) = found["Most sure and wrong"].parts
    assert isinstance(worst, Table)
    tokenizer = Tokenizer.from_str(DATA.facts["tokenizer"])
    texts = {tokenizer.decode(ids.tolist()).strip() for ids in rows.inputs["input_ids"]}
    assert {row[0] for row in worst.rows} <= texts
    words = [part for part in found["Why it answers so"].parts if isinstance(part, Words)]
    assert {"".join(word for word, _ in each.words).strip() for each in words} <= texts
    assert all(-1 <= weight <= 1 for each in words for _, weight in each.words)


def test_a_person_can_send_the_example_and_sees_what_is_taken_for_what() -> None:
    rows = KIND.rows(DATA, TEST)
    truth = rows.truths["label"]
    right = np.eye(2, dtype=np.float32)[truth]
    right[0] = (0.6, 0.4) if truth[0] else (0.4, 0.6)

    example = json.loads(KIND.example(rows, {"probabilities": right}, DATA.facts).content)
    (table,) = KIND.shown({"probabilities": right}, rows.truths, DATA.facts)

    assert "number" in example["inputs"]
    cells = [list(map(str, column.cells)) for column in table.columns]  # type: ignore[union-attr]
    assert cells[0] == ["bad", "good"]
    assert [int(count) for count in cells[1]] == np.bincount(truth).tolist()
    assert sorted(cells[3]) == ["", "bad 1" if truth[0] else "good 1"]
    assert KIND.score({"probabilities": right}, rows.truths, DATA.facts)["accuracy"] == 1 - 1 / len(truth)
