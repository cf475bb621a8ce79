from pathlib import Path

from PIL import Image

from tests.training.search.test_trials import SPACE, ended, trials
from training.search.picture import draw


def test_a_search_is_drawn(tmp_path: Path) -> None:
    found = trials(tmp_path)
    for score in (0.5, 0.25, 0.75):
        ended(found, score)
    pruned = found.next(4)
    assert pruned is not None
    found.prune(pruned)
    draw(tmp_path / "search.png", "digits: 4 trials", "accuracy", found.told(), SPACE)

    with Image.open(tmp_path / "search.png") as picture:
        assert picture.width > 1000
        assert len(set(picture.convert("RGB").resize((90, 60)).get_flattened_data())) > 10, "something is drawn"
