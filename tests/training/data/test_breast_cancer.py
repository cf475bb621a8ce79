from sklearn.datasets import load_breast_cancer

from training.data import breast_cancer


def test_labels_are_in_the_data_sets_order() -> None:
    assert list(breast_cancer.LABELS) == load_breast_cancer().target_names.tolist()


def test_measurements_are_raw() -> None:
    splits = breast_cancer.load()

    assert splits.train.features.shape == (334, breast_cancer.MEASUREMENTS)
    assert (len(splits.validation), len(splits.test)) == (118, 117)
    assert splits.train.features.max() > 1000  # areas, in the data set's own unit
