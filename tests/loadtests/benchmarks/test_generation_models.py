import json
from itertools import islice
from pathlib import Path

from tokenizers import Tokenizer

from loadtests.benchmarks.generation_models import MODELS, Written, add_model, prompts, tokenizer
from serving.core.generation_config import complete, generation_config
from serving.core.model_config import parse


def test_its_folder_is_a_version_and_one_of_hugging_faces_with_the_same_weights(written: Written) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    from loadtests.benchmarks.generation_in_process import model_config, together
    from serving.backends import ort_decoder

    prompt = tuple(range(5, 25))
    theirs = AutoModelForCausalLM.from_pretrained(written.folder)
    whole = theirs.generate(torch.tensor([prompt]), max_new_tokens=12, do_sample=False)
    decoder = ort_decoder.load(written.folder, model_config(written), "cpu", 1, 0)
    [answer] = together(decoder, (prompt,), 12)
    assert answer.ids == tuple(whole[0, len(prompt) :].tolist())
    decoder.close()


def test_its_config_says_how_many_are_written_at_once(written: Written) -> None:
    text = (written.repository / "tiny" / "config.pbtxt").read_text()
    assert text == written.config
    assert generation_config(complete(parse(text, "tiny"))).max_num_seqs == 3


def test_it_never_ends_a_text_by_itself(written: Written) -> None:
    files = ("config.json", "generation_config.json", "tokenizer_config.json")
    said = [json.loads((written.folder / file).read_text()) for file in files]
    assert not any(key.startswith("eos") for fields in said for key in fields)


def test_prompts_are_words_that_give_the_same_tokens_again(written: Written) -> None:
    made = Tokenizer.from_file(str(written.folder / "tokenizer.json"))
    several = list(islice(prompts(made, 1), 5))
    assert [len(prompt) for prompt in several] == [64] * 5
    assert [tuple(made.encode(made.decode(prompt)).ids) for prompt in several] == several
    assert len(set(several)) == 5
    assert list(islice(prompts(made, 1), 5)) == several
    assert next(prompts(made, 2)) != several[0]


def test_both_models_have_as_many_tokens_as_they_say() -> None:
    for model in MODELS:
        assert tokenizer(model.vocab_size).get_vocab_size() == model.vocab_size


def test_rounded_weights_are_those_of_the_onnx_file_alone(written: Written, tmp_path: Path) -> None:
    rounded = add_model(tmp_path, written.model, rows=3, threads=2, weights="int8")
    assert (rounded.folder / "model.onnx").stat().st_size < (written.folder / "model.onnx").stat().st_size
    theirs, same = ((it.folder / "model.safetensors").read_bytes() for it in (rounded, written))
    assert theirs == same
