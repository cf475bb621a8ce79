"""Sound as a person hears it: how loud each of some bands is, every hundredth of a second.

Rule: nothing but convolutions and products with fixed numbers, so that every exported file computes it itself; what
lies behind a row's end changes nothing.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

_WINDOW, _HOP = 0.025, 0.01  # seconds
_LOWEST = 60.0  # Hz; below is hum
_FLOOR = 1e-3  # power, of sound whose mean power is 1: what is more quiet is silence


class LogMel(nn.Module):
    """Samples [N, S] and how many of each row are sound, int64 [N, 1] -> [N, bands, S // hop + 1], and which of these
    frames are sound, float32 [N, 1, frames]. How loud the whole is makes no difference."""

    waves: Tensor
    bands: Tensor

    def __init__(self, sample_rate: int, bands: int) -> None:
        super().__init__()
        self.hop = round(_HOP * sample_rate)
        self.window = round(_WINDOW * sample_rate / 2) * 2
        self.register_buffer("waves", _waves(self.window), persistent=False)
        self.register_buffer("bands", _bands(self.window, sample_rate, bands), persistent=False)

    def forward(self, audio: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        audio = audio * within(audio, length)
        power = (audio * audio).sum(dim=1, keepdim=True) / length.clamp(min=1)
        audio = audio * (power + 1e-10).rsqrt()
        around = (self.window - self.hop) // 2
        framed = functional.pad(audio.unsqueeze(1), (around, around + self.hop))
        parts = functional.conv1d(framed, self.waves, stride=self.hop)
        real, imaginary = parts.chunk(2, dim=1)
        heard = torch.log(functional.conv1d(real * real + imaginary * imaginary, self.bands) + _FLOOR)
        is_sound = within(heard[:, 0], (length + self.hop - 1) // self.hop).unsqueeze(1)
        mean = (heard * is_sound).sum(dim=2, keepdim=True) / is_sound.sum(dim=2, keepdim=True).clamp(min=1)
        return (heard - mean) * is_sound, is_sound


def within(rows: Tensor, length: Tensor) -> Tensor:
    """1 for the first `length` [N, 1] of each of the `rows` [N, S], 0 for the others. Counted, because sizes that are
    read while a module is traced become constants; in whole numbers, as a GPU adds others up in any order."""
    return (torch.ones_like(rows, dtype=torch.int64).cumsum(dim=1) <= length).to(rows.dtype)


def _waves(window: int) -> Tensor:
    """A discrete Fourier transform behind a Hann window, [2 * (window // 2 + 1), 1, window]: cosines, then sines."""
    time = torch.arange(window, dtype=torch.float64)
    angles = 2 * math.pi / window * torch.outer(torch.arange(window // 2 + 1, dtype=torch.float64), time)
    hann = torch.hann_window(window, periodic=True, dtype=torch.float64)
    scaled = hann / hann.square().sum().sqrt()
    return torch.cat([angles.cos() * scaled, angles.sin() * scaled]).unsqueeze(1).float()


def _bands(window: int, sample_rate: int, bands: int) -> Tensor:
    """Triangles that are equally wide on the mel scale, [bands, window // 2 + 1, 1]."""
    edges = _hertz(torch.linspace(_mel(_LOWEST), _mel(sample_rate / 2), bands + 2, dtype=torch.float64))
    frequencies = torch.linspace(0, sample_rate / 2, window // 2 + 1, dtype=torch.float64)
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (frequencies - left) / (centre - left), (right - frequencies) / (right - centre)
    return torch.minimum(rising, falling).clamp(min=0).unsqueeze(2).float()


def _mel(hertz: float) -> float:
    """Source: O'Shaughnessy, Speech Communication, 1987."""
    return 2595 * math.log10(1 + hertz / 700)


def _hertz(mels: Tensor) -> Tensor:
    return 700 * (10 ** (mels / 2595) - 1)
