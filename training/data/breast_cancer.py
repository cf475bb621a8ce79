"""scikit-learn's Wisconsin breast cancer data: 569 tumours, 30 measurements of cell nuclei each.

Rule: measurements stay raw, in the data set's own units, order and names; scaling them is the model's business.
"""

import polars as pl
from sklearn.datasets import load_breast_cancer

TARGET, LABELS = "label", ("malignant", "benign")


def load() -> pl.DataFrame:
    """A column for each measurement, and the label last: malignant or benign."""
    tumours = load_breast_cancer()
    table = pl.DataFrame(tumours.data, schema=list(map(str, tumours.feature_names)))
    diagnoses = pl.Series(TARGET, tumours.target_names[tumours.target], dtype=pl.Enum(LABELS))
    return table.with_columns(diagnoses)
