"""Everything that can go wrong between a recipe's name and a published version, in one tree.

    TrainingError
    ├── UnknownRecipe       there is no recipe of that name
    ├── InvalidConfig       a training parameter is outside its range
    ├── InvalidData         data can't be trained on; says the file or row, what was expected, and what came
    ├── TrainingDiverged    the loss stopped being a number
    ├── CheckpointError     a checkpoint is missing, corrupt, or not of this recipe
    ├── NoSuchRun           there is no run of that name and number
    ├── ImportRefused       a folder is not a model that Slipway can serve as its authors do
    └── PublishFailed       the repository's config doesn't fit the model; nothing was published
        └── ParityFailed    an exported file answers differently from the PyTorch model; nothing was published

Rule: every text is one line that says what to do next; nothing here imports torch.
"""


class TrainingError(Exception):
    """The root; its text is written for a person at a terminal."""


class UnknownRecipe(TrainingError):
    pass


class InvalidConfig(TrainingError):
    pass


class InvalidData(TrainingError):
    pass


class TrainingDiverged(TrainingError):
    pass


class CheckpointError(TrainingError):
    pass


class NoSuchRun(TrainingError):
    pass


class ImportRefused(TrainingError):
    pass


class PublishFailed(TrainingError):
    pass


class ParityFailed(PublishFailed):
    pass
