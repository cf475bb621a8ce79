from serving.core.model_config import parse
from serving.engine.schedulers import scheduler_for
from serving.scheduling.dynamic import DynamicBatcher
from serving.scheduling.sequence import SequenceBatcher


def test_sequences_have_their_own_scheduler() -> None:
    assert isinstance(scheduler_for(parse("max_batch_size: 2 sequence_batching { }", "m"), ["cpu"]), SequenceBatcher)
    assert isinstance(scheduler_for(parse("max_batch_size: 2 dynamic_batching { }", "m"), ["cpu"]), DynamicBatcher)
    assert isinstance(scheduler_for(parse("max_batch_size: 2", "m"), ["cpu"]), DynamicBatcher)
