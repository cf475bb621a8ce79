from serving.core.generation import FinishReason
from serving.engine.generation_statistics import GenerationStatistics


def test_a_request_counts_where_its_time_went() -> None:
    statistics = GenerationStatistics()
    statistics.request(FinishReason.STOP, prompt=10, written=5, queued=1.0, prefill=2.0, decode=4.0)
    assert statistics.finished[FinishReason.STOP] == 1
    assert statistics.prompt_tokens == 10
    sums = {
        "queue": statistics.queue_time.sum,
        "prefill": statistics.prefill_time.sum,
        "decode": statistics.decode_time.sum,
        "inference": statistics.inference_time.sum,
        "all": statistics.e2e_latency.sum,
        "per token": statistics.time_per_output_token.sum,
    }
    assert sums == {"queue": 1, "prefill": 2, "decode": 4, "inference": 6, "all": 7, "per token": 1}


def test_one_token_has_no_time_between_tokens() -> None:
    statistics = GenerationStatistics()
    statistics.request(FinishReason.LENGTH, 1, 1, 0.0, 0.1, 0.0)
    assert statistics.time_per_output_token.cumulative()[-1] == 0
    statistics.first_token(0.5)
    statistics.next_token(0.2)
    assert (statistics.time_to_first_token.sum, statistics.inter_token_latency.sum) == (0.5, 0.2)


def test_steps_and_tokens_are_counted_apart() -> None:
    statistics = GenerationStatistics()
    statistics.step(40)
    statistics.step(1)
    statistics.first_token(0.5)
    assert (statistics.steps, statistics.generation_tokens, statistics.iteration_tokens.sum) == (2, 1, 41)
