"""The models that a soak asks. Rule: what a model answers follows from the request, so that a wrong answer is seen."""

from pathlib import Path

from tests import python_models, scaled_models, tiny_models
from tests.python_models import FAIL, ISOLATED
from tests.tiny_decoders import add_tiny_decoder

DOUBLE, LEFT, PICTURES, SCALED = "double", "left", "brightness", "scaled"
CROWDED, FAILING, KILLED, WRITER = "crowded", "failing", "killed", "writer"
RAISES = FAIL

_CROWDED = """
import time
class Model:
    def execute(self, request):
        time.sleep(0.01)
        return {"y": 2 * request.inputs["x"]}
"""


def write(root: Path) -> None:
    tiny_models.add_double(root, DOUBLE)
    tiny_models.add_double(root, LEFT, extra="dynamic_batching { max_queue_delay_microseconds: 3000 }")
    tiny_models.add_brightness(root, PICTURES)
    scaled_models.add_scaled(root, 1, name=SCALED)
    python_models.add_hazard(root, FAILING, "dynamic_batching { max_queue_delay_microseconds: 2000 }")
    python_models.add_hazard(root, KILLED, ISOLATED)
    python_models.add_model(
        root,
        CROWDED,
        """max_batch_size: 1 input { name: "x" data_type: TYPE_FP32 dims: 4 }
        output { name: "y" data_type: TYPE_FP32 dims: 4 }
        dynamic_batching { default_queue_policy { max_queue_size: 2 allow_timeout_override: true } }""",
        _CROWDED,
    )
    add_tiny_decoder(root, WRITER)
