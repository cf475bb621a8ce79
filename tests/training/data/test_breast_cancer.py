import polars as pl

from training.data import breast_cancer


def test_it_is_raw_with_scikit_learn_s_names() -> None:
    table = breast_cancer.load()

    assert table.shape == (569, 31)
    assert table.columns[:2] == ["mean radius", "mean texture"]
    assert table["mean radius"][0] == 17.99
    assert table["label"].value_counts().sort("label").rows() == [("malignant", 212), ("benign", 357)]
    assert set(table.dtypes) == {pl.Float64, pl.Enum(breast_cancer.LABELS)}
