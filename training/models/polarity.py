"""Images turned to light ink on dark paper, whichever way round they come.

Rule: decided for each image of a batch by its own pixels, in tensor operations that every export keeps.
"""

import torch
from torch import Tensor, nn

_WHITE = 255.0


class Polarity(nn.Module):
    """[N, channels, height, width] -> the same shape, values 0..255.

    Ink seldom reaches the left and right border columns, so their mean is the paper's: light paper is inverted.
    """

    def forward(self, images: Tensor) -> Tensor:
        borders = (images[..., 0] + images[..., -1]) / 2
        on_light_paper = borders.mean(dim=(1, 2)) > _WHITE / 2
        return torch.where(on_light_paper[:, None, None, None], _WHITE - images, images)
