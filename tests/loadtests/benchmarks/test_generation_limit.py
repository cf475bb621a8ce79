from dataclasses import replace

import pytest

from loadtests.benchmarks.generation_limit import (
    Speeds,
    Step,
    last_level_cache,
    limit,
    limit_figures,
    limit_words,
    measured,
    operations,
    step,
    weights,
)
from loadtests.benchmarks.generation_load import Load
from loadtests.benchmarks.generation_models import MODELS, Written

MEGA = 1 << 20


def test_every_weight_is_read_but_for_embeddings_and_rotations(written: Written) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    theirs = AutoModelForCausalLM.from_pretrained(written.folder)
    assert isinstance(theirs, torch.nn.Module)
    read = {name: it for name, it in theirs.named_parameters() if "embed_tokens" not in name}
    in_all = sum(4 * it.numel() for it in read.values())
    assert weights(written.folder / "model.onnx") == pytest.approx(in_all, rel=1e-3)


def test_operations_are_those_that_torch_counts(written: Written) -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import AutoModelForCausalLM

    theirs = AutoModelForCausalLM.from_pretrained(written.folder, attn_implementation="eager")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        theirs(torch.tensor([[5] * 9]))
    whole = counter.get_total_flops()  # it looks at all positions from all, and has logits for all
    heads = written.model.num_attention_heads * written.model.head_dim
    ahead = 4 * heads * written.model.num_hidden_layers * (9 * 9 - 9 * 10 // 2)
    not_logits = 2 * written.model.hidden_size * written.model.vocab_size * 8
    assert operations(written.model, 9, 1) == whole - ahead - not_logits


def test_a_step_reads_weights_once_and_what_all_rows_hold_half_way() -> None:
    [model] = [replace(MODELS[0], num_hidden_layers=1, num_key_value_heads=1, head_dim=2)]
    made = step(model, 1000, Load("3 callers", ((5,) * 10,) * 3, 4, 3))
    assert (made.rows, made.weights, made.cached) == (3, 1000, 3 * 12 * 16)
    assert made.bytes == 1576
    assert made.first == 4 / 3


def test_a_limit_is_speed_over_amount() -> None:
    found = limit(Step(rows=8, weights=600, cached=400, first=1.5, flops=20.0), memory=1e6, again=4e6, flops=1e6)
    assert (found.bytes_a_step, found.memory, found.again, found.arithmetic) == (1000, 12_000, 48_000, 50_000)
    assert limit(Step(8, 600, 400, 1.5, 20.0), memory=1e6, again=4e6, flops=None).arithmetic is None


def test_it_is_told_which_loads_a_cache_could_keep() -> None:
    small, large = (
        limit(Step(1, size, 0, 1.0, 1.0), memory=1e10, again=1e10, flops=1e11) for size in (4 * MEGA, 90 * MEGA)
    )
    speeds = Speeds(memory=1e10, again=(1e10, 1e10), flops=1e11, cache=50 * MEGA)
    said = limit_words({"1 callers": small, "8 callers": large}, speeds)
    assert said.endswith("the last-level cache of 52 MB could keep those of 1 callers")
    assert "10.0 GB/s" in said
    assert "could keep" not in limit_words({"8 callers": large}, speeds)
    assert limit_figures({"8 callers": large}, speeds)["memory_gb_per_s"] == 10


def test_speeds_are_measured_here() -> None:
    assert last_level_cache() >= MEGA // 4
    speeds = measured([MEGA, 2 * MEGA], 1, MEGA)
    assert len(speeds.again) == 2
    assert min(speeds.memory, *speeds.again, speeds.flops) > 1e7
    assert speeds.cache == MEGA
