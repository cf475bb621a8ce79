"""Data sets that ship with scikit-learn, split once and for all."""
