"""A small vision transformer: a picture's patches look at one another, and their mean is classified."""

import math

from torch import Tensor, nn, zeros
from torch.nn.functional import gelu, pad, scaled_dot_product_attention

_FIRST_POSITIONS = 0.3  # standard deviation; with a tenth of it, places are told apart after many more steps


class Block(nn.Module):
    """[N, patches, width] -> the same shape: attention, then two linear layers, each beside what went in."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attended, self.joined = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wider, self.narrower = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self._attention(self.attention_norm(x))
        out: Tensor = x + self.narrower(gelu(self.wider(self.norm(x))))
        return out

    def _attention(self, x: Tensor) -> Tensor:
        parts = self.attended(x).chunk(3, dim=-1)
        queries, keys, values = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        out: Tensor = self.joined(scaled_dot_product_attention(queries, keys, values).transpose(1, 2).flatten(2))
        return out


class Vit(nn.Module):
    """Pictures [N, colours, side, side] -> logits [N, classes]. `patches` are those of a side, which is filled up with
    zeros where it is no multiple of them; `width` must be one of `heads`."""

    def __init__(self, side: int, colours: int, patches: int, width: int, heads: int, depth: int, classes: int) -> None:
        super().__init__()
        if patches < 1 or heads < 1 or width % heads:
            raise ValueError(f"there are {patches} patches, and {width} columns for {heads} heads")
        patch = math.ceil(side / patches)
        across = math.ceil(side / patch)
        self.missing = patch * across - side
        self.patches = nn.Conv2d(colours, width, patch, patch)
        self.positions = nn.Parameter(nn.init.normal_(zeros(across**2, width), std=_FIRST_POSITIONS))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        x = self.patches(pad(images, (0, self.missing, 0, self.missing))).flatten(2).transpose(1, 2) + self.positions
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(self.norm(x).mean(dim=1))
        return logits
