from training.data import digits


def test_pixels_are_those_of_image_files() -> None:
    splits = digits.load()

    assert splits.train.features.shape == (1085, 1, digits.SIDE, digits.SIDE)
    assert (len(splits.validation), len(splits.test)) == (377, 335)
    assert splits.train.features.min() == 0.0
    assert splits.train.features.max() == 255.0


def test_a_label_is_the_digit() -> None:
    assert sorted(set(digits.load().test.labels.tolist())) == [int(label) for label in digits.LABELS]
