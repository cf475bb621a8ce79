"""Hugging Face's folders, imported by the command and served: what is written is what transformers writes."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from openai import OpenAI
from transformers import AutoTokenizer, PreTrainedModel
from typer.testing import CliRunner

from serving.cli import app
from serving.text.tokenizer import TextTokenizer
from tests.running_server import RunningServer, running
from tests.tiny_hugging_face import tokenizer, write_decoder, write_encoder, write_modules

LLAMA_3 = {
    "rope_type": "llama3",
    "rope_theta": 5e5,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
MODELS: dict[str, dict[str, Any]] = {
    "llama": {"model_type": "llama", "dtype": torch.bfloat16, "shard": "60KB", "rope_parameters": LLAMA_3},
    "mistral": {"model_type": "mistral", "dtype": torch.float16, "head_dim": 32, "sliding_window": None},
    "qwen2": {"model_type": "qwen2", "tie_word_embeddings": True},
    "qwen3": {"model_type": "qwen3", "head_dim": 16},
}
PROMPTS = ["The quick brown fox", "def add(a, b):", "x", "日本語 🙂 " * 12]
CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "  What is a fox? "}]


@dataclass(frozen=True)
class Imported:
    folders: Path
    repository: Path
    models: dict[str, PreTrainedModel]
    client: OpenAI
    server: RunningServer


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Imported]:
    folders, repository = tmp_path_factory.mktemp("folders"), tmp_path_factory.mktemp("repository")
    models = {name: write_decoder(folders / name, **given) for name, given in MODELS.items()}
    say_how_to_sample(folders / "llama", temperature=0.0, max_new_tokens=7)
    for name in models:
        run_import(folders / name, repository)
    run_import(folders / "qwen3", repository, "--name", "on-torch", "--backend", "pytorch")
    run_import(folders / "llama", repository, "--name", "rounded", "--weights", "int8")
    models |= encoders(folders)
    for name in ("plain", "sentences", "old", "topics", "tags"):
        run_import(folders / name, repository)
    with running(repository) as server:
        client = OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)
        yield Imported(folders, repository, models, client, server)


def encoders(folders: Path) -> dict[str, PreTrainedModel]:
    """Without modules.json, with them, as old releases wrote them, and classifiers."""
    models = {
        "plain": write_encoder(folders / "plain", dtype=torch.float16),
        "sentences": write_encoder(folders / "sentences", hidden_act="relu"),
        "old": write_encoder(folders / "old" / "0_BERT"),
        "topics": write_encoder(folders / "topics", labels=3),
        "tags": write_encoder(folders / "tags", labels=4, problem_type="multi_label_classification"),
    }
    write_modules(folders / "sentences", "cls_token", "Normalize")
    (folders / "sentences" / "sentence_bert_config.json").write_text('{"max_seq_length": 40, "do_lower_case": false}')
    write_modules(folders / "old", "max_tokens", transformer="0_BERT")
    return models


def say_how_to_sample(folder: Path, **said: float) -> None:
    path = folder / "generation_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | said))


def run_import(folder: Path, repository: Path, *more: str) -> None:
    result = CliRunner().invoke(
        app, ["import", "hf", str(folder), "--repository", str(repository), *more], catch_exceptions=False
    )
    assert (result.exit_code, result.stderr) == (0, "")


@torch.inference_mode()
def generated(model: PreTrainedModel, prompt: list[int], count: int) -> list[int]:
    ids = torch.tensor([prompt])
    mask = torch.ones_like(ids)
    out = model.generate(ids, attention_mask=mask, do_sample=False, max_new_tokens=count, pad_token_id=0)
    return [int(token) for token in out[0, len(prompt) :]]


@pytest.mark.parametrize("name", [*MODELS, "on-torch"])
@pytest.mark.parametrize("prompt", PROMPTS, ids=["words", "code", "letter", "scripts"])
def test_it_writes_what_transformers_writes(imported: Imported, name: str, prompt: str) -> None:
    folder = {"on-torch": "qwen3"}.get(name, name)
    tokenizer = AutoTokenizer.from_pretrained(imported.folders / folder)
    ids = tokenizer(prompt)["input_ids"]
    expected = generated(imported.models[folder], ids, 40)

    answer = imported.client.completions.create(
        model=name, prompt=prompt, temperature=0, max_tokens=40, extra_body={"return_token_ids": True}
    )

    assert answer.usage is not None
    assert answer.usage.prompt_tokens == len(ids)
    assert answer.choices[0].model_extra is not None
    assert answer.choices[0].model_extra["token_ids"] == expected
    assert answer.choices[0].text == tokenizer.decode(expected, skip_special_tokens=True)


def test_what_a_request_does_not_say_is_as_its_makers_want_it(imported: Imported) -> None:
    tokenizer = AutoTokenizer.from_pretrained(imported.folders / "llama")
    prompt = tokenizer(PROMPTS[0])["input_ids"]
    expected = tokenizer.decode(generated(imported.models["llama"], prompt, 7), skip_special_tokens=True)
    ask = imported.client.completions.create
    assert ask(model="llama", prompt=PROMPTS[0]).choices[0].text == expected
    hot = {ask(model="llama", prompt=PROMPTS[0], temperature=100).choices[0].text for _ in range(3)}
    assert hot != {expected}
    longer = ask(model="llama", prompt=PROMPTS[0], max_tokens=9).usage
    assert longer is not None
    assert longer.completion_tokens == 9

    reply = httpx.post(f"{imported.server.url}/v2/models/llama/generate", json={"text_input": PROMPTS[0]}, timeout=30)
    assert reply.json()["text_output"] == PROMPTS[0] + expected


def test_a_wrong_way_to_sample_is_not_imported(imported: Imported) -> None:
    folder = imported.folders / "wrong"
    write_decoder(folder)
    say_how_to_sample(folder, top_p=7)
    result = CliRunner().invoke(app, ["import", "hf", str(folder), "--repository", str(imported.repository)])
    assert result.exit_code == 1
    assert "'generation_config.json': 'top_p' must be a number from 0 to 1, got 7" in " ".join(result.stderr.split())
    assert not (imported.repository / "wrong").exists()


@pytest.mark.parametrize("name", MODELS)
def test_a_conversation_is_put_to_it_as_transformers_does(imported: Imported, name: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(imported.folders / name)
    text = tokenizer.apply_chat_template(CHAT, tokenize=False, add_generation_prompt=True)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    expected = generated(imported.models[name], ids, 30)

    answer = imported.client.chat.completions.create(
        model=name, messages=CHAT, temperature=0, max_tokens=30, extra_body={"return_token_ids": True}
    )

    template = TextTokenizer.read(imported.repository / name / "1").chat_template
    assert template.render(CHAT, datetime.now(UTC)) == text
    assert answer.model_extra is not None
    assert answer.choices[0].model_extra is not None
    assert (answer.usage and answer.usage.prompt_tokens) == len(ids)
    assert answer.choices[0].model_extra["token_ids"] == expected


def test_rounded_weights_write_the_same_alone_and_beside_others(imported: Imported) -> None:
    def written(prompt: str) -> list[int]:
        answer = imported.client.completions.create(
            model="rounded", prompt=prompt, temperature=0, max_tokens=40, extra_body={"return_token_ids": True}
        )
        assert answer.choices[0].model_extra is not None
        return list(answer.choices[0].model_extra["token_ids"])

    alone = [written(prompt) for prompt in PROMPTS]
    with ThreadPoolExecutor(len(PROMPTS)) as callers:
        together = list(callers.map(written, PROMPTS))

    assert together == alone
    assert {len(tokens) for tokens in alone} != {0}


TEXTS = ["a fox", "The quick brown fox jumps over the lazy dog", "日本語 🙂", "x " * 60]


@torch.inference_mode()
def hidden(model: PreTrainedModel, text: str, longest: int) -> torch.Tensor:
    tokens = tokenizer()(text, truncation=True, max_length=longest)["input_ids"]
    return model(torch.tensor([tokens])).last_hidden_state[0]


def embedded(name: str, states: torch.Tensor) -> torch.Tensor:
    if name == "sentences":
        return torch.nn.functional.normalize(states[0], dim=-1)
    return states.amax(0) if name == "old" else states.mean(0)


@pytest.mark.parametrize("name", ["plain", "sentences", "old"])
def test_embeddings_are_those_of_transformers_pooled_as_the_folder_says(imported: Imported, name: str) -> None:
    answer = imported.client.embeddings.create(model=name, input=TEXTS)

    for text, found in zip(TEXTS, answer.data, strict=True):
        expected = embedded(name, hidden(imported.models[name], text, 40 if name == "sentences" else 256))
        np.testing.assert_allclose(found.embedding, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["topics", "tags"])
@torch.inference_mode()
def test_probabilities_of_labels_are_those_of_transformers(imported: Imported, name: str) -> None:
    ids = torch.tensor([[5, 9, 300, 7, 8, 0, 0], [17, 20, 21, 33, 90, 91, 92]])
    mask, types = torch.tensor([[1] * 5 + [0] * 2, [1] * 7]), torch.tensor([[0, 0, 1, 1, 1, 0, 0], [0] * 7])
    given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
    logits = imported.models[name](**given).logits
    expected = logits.softmax(-1) if name == "topics" else logits.sigmoid()
    inputs = [
        {"name": key, "shape": [2, 7], "datatype": "INT64", "data": value.tolist()} for key, value in given.items()
    ]

    answer = httpx.post(f"{imported.server.url}/v2/models/{name}/infer", json={"inputs": inputs}).json()

    (output,) = answer["outputs"]
    assert output["name"] == "probabilities"
    np.testing.assert_allclose(output["data"], expected.flatten(), rtol=1e-4, atol=1e-6)
    labels = (imported.repository / name / "labels.txt").read_text().splitlines()
    assert labels == [f"LABEL_{number}" for number in range(logits.shape[1])]


@pytest.mark.parametrize("name", ["topics", "tags"])
@torch.inference_mode()
def test_texts_are_classified_as_transformers_does(imported: Imported, name: str) -> None:
    url = f"{imported.server.url}/v1/models/{name}/classify"

    found = httpx.post(url, json={"inputs": TEXTS, "parameters": {"top_k": 9}}).json()

    for text, rows in zip(TEXTS, found, strict=True):
        logits = imported.models[name](**tokenizer()(text, return_tensors="pt")).logits[0]
        expected = logits.softmax(-1) if name == "topics" else logits.sigmoid()
        assert [row["label"] for row in rows] == [f"LABEL_{number}" for number in expected.argsort(descending=True)]
        np.testing.assert_allclose([row["score"] for row in rows], expected.sort(descending=True)[0], rtol=1e-4)
