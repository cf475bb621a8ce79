"""A network that hears: samples to characters, by convolutions over time.

Rule: a row's answer depends on its own sound only, not on how far it is filled up, nor on the rows beside it.
"""

from torch import Tensor, nn
from torch.nn import functional

from training.models.log_mel import LogMel, within

FRAMES_A_SECOND = 50

_FIRST = 11  # of LogMel's frames, of which every second is kept


class Transcriber(nn.Module):
    """Samples [N, S] and how many are sound, int64 [N, 1] -> log-probabilities [N, frames, classes] of each frame's
    character, class 0 for none, and how many frames are sound, int64 [N]."""

    def __init__(
        self, sample_rate: int, classes: int, bands: int, channels: int, blocks: int, kernel: int, dropout: float
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"kernel must be odd, got {kernel}")
        self.heard = LogMel(sample_rate, bands)
        self.first = nn.Conv1d(bands, channels, _FIRST, stride=2, padding=_FIRST // 2)
        self.blocks = nn.ModuleList(_Block(channels, kernel, dropout) for _ in range(blocks))
        self.last = nn.Linear(channels, classes)

    def forward(self, audio: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        heard, is_sound = self.heard(audio, length)
        found = self.first(heard)
        frames = (is_sound.sum(dim=2).long() + 1) // 2
        is_sound = within(found[:, 0], frames).unsqueeze(1)
        found = found * is_sound
        for block in self.blocks:
            found = block(found, is_sound)
        return functional.log_softmax(self.last(found.transpose(1, 2)), dim=2), frames.flatten()


class Greedy(nn.Module):
    """What is served: samples and how many are sound, to the best class of each frame."""

    def __init__(self, network: Transcriber) -> None:
        super().__init__()
        self.network = network

    def forward(self, audio: Tensor, length: Tensor) -> Tensor:
        found, frames = self.network(audio, length)
        return best(found, frames)


def best(found: Tensor, frames: Tensor) -> Tensor:
    """The best class of each frame, int64 [N, frames], of what a `Transcriber` found; 0 behind a row's end."""
    classes = found.argmax(dim=2)
    return classes * within(classes, frames.unsqueeze(1))


class _Block(nn.Module):
    """Looks `kernel` frames around; keeps what it was given beside what it adds."""

    def __init__(self, channels: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.around = nn.Conv1d(channels, channels, kernel, padding=kernel // 2)
        self.mix = nn.Linear(channels, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, rows: Tensor, is_sound: Tensor) -> Tensor:
        normal = self.norm(rows.transpose(1, 2)).transpose(1, 2) * is_sound
        found = functional.relu(self.around(normal)).transpose(1, 2)
        added: Tensor = self.dropout(self.mix(found)).transpose(1, 2) * is_sound
        return rows + added
