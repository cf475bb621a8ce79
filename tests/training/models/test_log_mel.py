import math

import torch
from torch import Tensor

from tests.gpus import DEVICE, needs_torch_gpu
from training.models.log_mel import LogMel, within

RATE, BANDS = 8000, 40


def heard(audio: Tensor, *lengths: int) -> tuple[Tensor, Tensor]:
    return LogMel(RATE, BANDS)(audio, torch.tensor(lengths).unsqueeze(1))


def tone(hertz: float, seconds: float = 0.5) -> Tensor:
    return torch.sin(2 * math.pi * hertz * torch.arange(int(seconds * RATE)) / RATE)


def test_a_higher_tone_is_loud_in_a_higher_band() -> None:
    rising = torch.cat([tone(hertz) for hertz in (200, 500, 1000, 2000, 3500)]).unsqueeze(0)
    found, _ = heard(rising, rising.shape[1])
    loudest = found[0, :, 25::50].argmax(dim=0).tolist()
    assert loudest == sorted(set(loudest))


def test_it_is_the_fourier_transform_of_a_window_that_goes_on() -> None:
    audio = torch.randn(1, 4000, generator=torch.Generator().manual_seed(0))
    mel = LogMel(RATE, BANDS)
    scaled = audio / audio.square().mean().sqrt()
    around = (mel.window - mel.hop) // 2
    framed = torch.nn.functional.pad(scaled, (around, around + mel.hop)).unfold(1, mel.window, mel.hop)
    window = torch.hann_window(mel.window)
    spectrum = torch.fft.rfft(framed * window / window.square().sum().sqrt()).abs().square()
    expected = torch.log(spectrum @ mel.bands[:, :, 0].T + 1e-3).transpose(1, 2)[:, :, :50]
    found, _ = heard(audio, 4000)
    torch.testing.assert_close(found[:, :, :50], expected - expected.mean(dim=2, keepdim=True), atol=1e-3, rtol=1e-3)


def test_how_loud_it_is_makes_no_difference() -> None:
    audio = torch.randn(1, 4000, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(heard(0.01 * audio, 4000)[0], heard(audio, 4000)[0], atol=1e-4, rtol=0)


def test_what_lies_behind_the_end_makes_no_difference() -> None:
    audio = torch.randn(1, 3210, generator=torch.Generator().manual_seed(0))
    alone, is_sound = heard(audio, 3210)
    for filling in (torch.zeros(1, 5000), torch.ones(1, 5000)):
        found, also_sound = heard(torch.cat([audio, filling], dim=1), 3210)
        torch.testing.assert_close(found[:, :, :41], alone[:, :, :41], atol=1e-5, rtol=0)
        assert found[:, :, 41:].count_nonzero() == 0
        assert is_sound.sum() == also_sound.sum() == 41


def test_silence_and_nothing_are_finite() -> None:
    assert heard(torch.zeros(2, 800), 800, 0)[0].isfinite().all()


def test_within_counts() -> None:
    assert within(torch.zeros(2, 4), torch.tensor([[1], [9]])).tolist() == [[1, 0, 0, 0], [1, 1, 1, 1]]


def test_within_counts_further_than_the_rows_numbers_do() -> None:
    rows = torch.zeros(1, 3000, dtype=torch.float16)
    assert within(rows, torch.tensor([[2500]])).count_nonzero() == 2500


@needs_torch_gpu
def test_within_counts_on_a_gpu_that_may_not_add_up_in_any_order() -> None:
    torch.use_deterministic_algorithms(True)
    try:
        assert within(torch.zeros(1, 4, device=DEVICE), torch.tensor([[3]], device=DEVICE)).sum() == 3
    finally:
        torch.use_deterministic_algorithms(False)
