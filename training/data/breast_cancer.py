"""scikit-learn's Wisconsin breast cancer data: 569 tumours, 30 measurements of cell nuclei each.

Rule: measurements stay raw, in the data set's own units and order; scaling them is the model's business.
"""

from sklearn.datasets import load_breast_cancer

from training.data.splits import Splits, by_content

LABELS = ("malignant", "benign")
MEASUREMENTS = 30


def load() -> Splits:
    """Features float32 [rows, 30]; the label of a row is its place in `LABELS`."""
    tumours = load_breast_cancer()
    return by_content(tumours.data, tumours.target, LABELS, "scikit-learn's breast cancer data", {})
