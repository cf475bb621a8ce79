"""scikit-learn's handwritten digits: 1,797 images of 8 x 8 pixels, light ink on dark paper.

Rule: pixels are in 0..255, as image files have them; the data set's own 0..16 stays in this module.
"""

from sklearn.datasets import load_digits

from training.data.splits import Splits, by_content

LABELS = tuple("0123456789")
SIDE = 8  # pixels


def load() -> Splits:
    """Features float32 [rows, 1, 8, 8]; the label of a row is its digit."""
    digits = load_digits()
    pixels = digits.images[:, None] * (255 / 16)
    facts = {"channels": 1, "side": SIDE, "is_ink": True}
    return by_content(pixels, digits.target, LABELS, "scikit-learn's digits", facts)
