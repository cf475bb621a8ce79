"""A small residual network for pictures of any size.

Rule: norms are over a picture's own channels, so that while training too no picture has a say in another's answer.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

_GROUP = 8  # channels at most that are normed together
_STAGES = 3  # each with half the side and twice the channels of that before
_SIDE = 16  # of the first stage at most, so that a filter sees enough of a larger picture, and takes no longer


class Norm(nn.GroupNorm):
    """Without PyTorch's look at the number of rows, which a traced file would be bound to."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)


class Block(nn.Module):
    """[N, before, H, W] -> [N, after, H / stride, W / stride]."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.first = _convolution(before, after, stride)
        self.second = _convolution(after, after, 1)
        self.past = nn.Identity() if before == after else nn.Conv2d(before, after, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return relu(self.second(relu(self.first(x))) + self.past(x))


class Resnet(nn.Module):
    """Pictures [N, colours, side, side] -> logits [N, classes]. `width` is the channels of the first stage, `depth` the
    blocks of each. What was found most of anywhere counts, which after norms differs more than means do."""

    def __init__(self, side: int, colours: int, width: int, depth: int, classes: int) -> None:
        super().__init__()
        halvings = max(0, math.ceil(math.log2(side / _SIDE)))
        self.stem = nn.ModuleList(
            _convolution(width if number else colours, width, 2 if number else 1) for number in range(1 + halvings)
        )
        widths = [width * 2**stage for stage in range(_STAGES)]
        self.blocks = nn.ModuleList()
        before = width
        for after in widths:
            for number in range(depth):
                self.blocks.append(Block(before, after, 1 if number or after == width else 2))
                before = after
        self.head = nn.Linear(before, classes)

    def forward(self, images: Tensor) -> Tensor:
        x = images
        for layer in self.stem:
            x = relu(layer(x))
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(x.amax(dim=(2, 3)))
        return logits


def _convolution(before: int, after: int, stride: int) -> nn.Sequential:
    norm = Norm(math.gcd(after, max(1, after // _GROUP)), after)
    return nn.Sequential(nn.Conv2d(before, after, 3, stride, padding=1, bias=False), norm)
