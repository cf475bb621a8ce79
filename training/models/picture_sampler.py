"""A flow network's way from noise to pictures, all its steps in one graph.

Rule: a client sends a class and noise; how many steps there are, and how much the class counts, is settled here.
"""

import torch
from torch import Tensor, nn

from training.models.picture_flow import PictureFlow


class PictureSampler(nn.Module):
    """Euler's steps with classifier-free guidance (Ho and Salimans, 2022): each goes `guidance` times as far from where
    pictures of any class lie as the class says."""

    def __init__(self, flow: PictureFlow, shape: tuple[int, ...]) -> None:
        """`shape` is [channels, height, width]."""
        super().__init__()
        self.flow, self.shape = flow, shape

    def forward(self, label: Tensor, noise: Tensor) -> Tensor:
        """Int64 [N, 1] and [N, *shape] to pixels [N, *shape] from 0 to 255."""
        flow, points = self.flow, noise.flatten(1)
        times = torch.arange(flow.steps)[:, None, None, None] / flow.steps
        classes = torch.stack([label[:, 0], torch.full_like(label[:, 0], flow.classes)])
        for told in zip(*(each.unbind(0) for each in flow.told(times, classes)), strict=True):
            of_class, of_any = flow.directions(points, told).unbind(0)
            points = points + (of_any + flow.guidance * (of_class - of_any)) / flow.steps
        pixels: Tensor = (points.clamp(-1, 1) + 1) * 127.5
        return pixels.reshape(-1, *self.shape)
