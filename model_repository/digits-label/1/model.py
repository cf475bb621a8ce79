"""Probabilities in, the most probable class out: its label as text, and its score."""

import numpy as np


class Model:
    def load(self, context):
        repository = context.directory.parents[1]
        self.labels = np.array((repository / context.parameters["labels"]).read_text().splitlines(), dtype=object)

    def execute(self, request):
        probabilities = request.inputs["probabilities"]  # [rows, classes]
        best = probabilities.argmax(axis=1)
        return {"label": self.labels[best][:, None], "score": probabilities.max(axis=1, keepdims=True)}
