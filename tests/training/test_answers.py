import numpy as np
import torch
from torch import Tensor, nn

from serving.core.requests import TensorSpec
from training.answers import answers
from training.kind import Served


class Both(nn.Module):
    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        return first + second, first - second


def test_outputs_have_their_names_and_the_rows_their_order() -> None:
    specs = [TensorSpec(name, "FP32", (-1, 1)) for name in ("first", "second", "sum", "difference")]
    served = Served(Both(), (specs[0], specs[1]), (specs[2], specs[3]), "two numbers")
    numbers = np.arange(600, dtype=np.float32)[:, None]  # more than are computed at a time

    found = answers(served, {"second": numbers, "first": 2 * numbers})

    assert np.array_equal(found["sum"], 3 * numbers)
    assert np.array_equal(found["difference"], numbers)


def test_one_output_need_not_be_a_tuple() -> None:
    spec = TensorSpec("same", "FP32", (-1, 2))
    row = torch.rand(3, 2).numpy()

    assert np.array_equal(answers(Served(nn.Identity(), (spec,), (spec,), "numbers"), {"same": row})["same"], row)
