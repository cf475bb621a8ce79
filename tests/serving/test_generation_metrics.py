"""As Prometheus reads them, of a real model that wrote something."""

import asyncio
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from serving.core.generation import GenerateRequest, SamplingParams
from serving.core.generation_config import complete
from serving.core.model_config import parse
from serving.engine.generation_loading import load_generating
from serving.generation_metrics import generation
from tests.tiny_decoders import write_tiny_decoder

TASK = 'parameters { key: "generation.task" value { string_value: "text-generation" } }'


async def test_prometheus_reads_vllms_names_and_types(tmp_path: Path) -> None:
    write_tiny_decoder(tmp_path)
    config = complete(parse(f'backend: "onnxruntime" {TASK}', "writer"))
    model = load_generating("1", config, tmp_path, asyncio.get_running_loop())
    sampling = SamplingParams(max_tokens=7, ignore_eos=True)
    for _ in range(2):
        answer = await model.generate(GenerateRequest("writer", tuple(range(5, 45)), sampling))
        assert sum([len(delta.tokens) async for delta in answer]) == 7
    families = {family.name: family for family in text_string_to_metric_families("".join(generation([model])))}
    assert model.close(30)
    types = {name.removeprefix("vllm:"): family.type for name, family in families.items()}
    assert types["num_requests_running"] == types["kv_cache_usage_perc"] == "gauge"
    assert types["generation_tokens"] == types["request_success"] == "counter"
    assert types["time_to_first_token_seconds"] == types["iteration_tokens_total"] == "histogram"
    values = {
        (it.name, it.labels.get("finished_reason")): it.value for each in families.values() for it in each.samples
    }
    assert values["vllm:generation_tokens_total", None] == 14
    assert values["slipway_kv_cache_positions", None] == model.positions
    assert values["slipway_kv_cache_rows", None] * model.max_length == model.positions
    assert values["vllm:prompt_tokens_total", None] == 80
    assert values["vllm:prefix_cache_hits_total", None] > 0, "the second prompt is the first one"
    assert values["vllm:request_success_total", "length"] == 2
    assert values["vllm:time_to_first_token_seconds_count", None] == 2
    assert values["vllm:inter_token_latency_seconds_count", None] == 12


def test_without_such_models_there_is_nothing() -> None:
    assert list(generation([])) == []
