"""What a person can try of a model on the web page, and what the page's forms need to know for it.

Rule: told by what the routes themselves look at, so that nothing is offered that is refused.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from serving.core import columns
from serving.core.generation_config import TEXT_TO_TEXT, generation_config
from serving.core.requests import TensorSpec
from serving.engine.generating_model import GeneratingModel
from serving.engine.servable import Servable
from serving.engine.table_columns import columns_of
from serving.engine.token_inputs import embeds, reads
from serving.errors import InvalidInput
from serving.protocols import classify, classify_texts, detect, images, openai_images, people_routes, recommend
from serving.protocols.images import ImageLayout
from serving.transports.http.openai_images import draws
from serving.transports.http.recordings import transcribes

Try = dict[str, Any]

_MOST_NAMES = 2000  # that a form lists


def tries(model: Servable) -> list[Try]:
    """What it is for comes first, its bare tensors last."""
    if isinstance(model, GeneratingModel):
        return list(_writing(model))
    found: list[Try] = []
    for trial in _TRIALS:
        with suppress(InvalidInput):
            found += trial(model)
    return [*found, {"kind": "generate" if model.is_decoupled else "tensors"}]


def _writing(model: GeneratingModel) -> Iterator[Try]:
    answers = generation_config(model.config).task == TEXT_TO_TEXT
    if model.tokenizer.chat_template.source:
        yield {"kind": "chat", "max_length": model.max_length}
    yield {"kind": "completion", "max_length": model.max_length, "answers": answers}


def _detection(model: Servable) -> Iterator[Try]:
    if people_routes.route(model.outputs) == people_routes.DETECT:
        found = detect.detector(model.name, *_specs(model), model.max_batch_size)
        yield {"kind": "detect", **_size(found.layout)}


def _recommendation(model: Servable) -> Iterator[Try]:
    if recommend.length_of(model.inputs, model.outputs, model.labels):
        yield {"kind": "recommend", "items": model.labels[recommend.ITEMS][:_MOST_NAMES]}


def _transcription(model: Servable) -> Iterator[Try]:
    if transcribes(model):
        yield {"kind": "transcribe"}


def _drawing(model: Servable) -> Iterator[Try]:
    if draws(model):
        height, width = model.inputs[openai_images.NOISE].shape[-2:]
        labels = model.labels[openai_images.IMAGE][:_MOST_NAMES]
        yield {"kind": "images", "labels": labels, "width": width, "height": height}


def _classification(model: Servable) -> Iterator[Try]:
    """Of pictures, rows of a table, or numbers; these only where labels say that the answer is one of several."""
    example = classify.classifier(model.name, *_specs(model), model.labels, model.max_batch_size, columns_of(model))
    layout = images.layout_of(example.input, example.max_batch_size)
    if example.columns:
        yield {"kind": "rows", "columns": [columns.document(column) for column in example.columns]}
    elif layout is not None:
        yield {"kind": "pictures", **_size(layout)}
    elif example.takes_files:
        yield {"kind": "pictures", "width": 1, "height": 1, "channels": 3}
    elif example.scores.name in model.labels and -1 not in example.shape and example.input.datatype != "BYTES":
        yield {"kind": "numbers", "shape": list(example.shape)}


def _classification_of_texts(model: Servable) -> Iterator[Try]:
    if reads(model):
        classify_texts.scores_output(model.name, tuple(model.outputs.values()), model.labels)
        yield {"kind": "texts"}


def _embedding(model: Servable) -> Iterator[Try]:
    if embeds(model):
        yield {"kind": "embeddings"}


_TRIALS: tuple[Callable[[Servable], Iterator[Try]], ...] = (
    _detection,
    _recommendation,
    _transcription,
    _drawing,
    _classification_of_texts,
    _embedding,
    _classification,
)


def _specs(model: Servable) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    return tuple(model.inputs.values()), tuple(model.outputs.values())


def _size(layout: ImageLayout) -> dict[str, int]:
    return {"width": layout.width, "height": layout.height, "channels": layout.channels}
