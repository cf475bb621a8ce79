"""The command `import`, with a part for each kind of folder.

Rule: importing this module imports no torch.
"""

import re
import shlex
from pathlib import Path
from typing import Annotated

import typer

from training.errors import InvalidConfig
from training.precision import FLOAT32, INT8, but_for, check_weights
from training.terminal import console, one_line_errors, say

REPOSITORY = Path("model_repository")
_NAME = re.compile(r"\w[\w.+-]{0,199}")

Folder = Annotated[Path, typer.Argument(help="Holds config.json, the weights and tokenizer.json.", metavar="DIR")]
Name = Annotated[str, typer.Option(help="What the model is called.", show_default="the folder's name")]
Repository = Annotated[Path, typer.Option(help="Folder of the models that the server loads.")]
Backend = Annotated[
    str, typer.Option(help="onnxruntime or pytorch.", show_default="that of the model's config.pbtxt, or onnxruntime")
]
Weights = Annotated[str, typer.Option(help="Of a model that writes: float32, or int8, which is faster.")]

imports = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")


@imports.callback()
def publish_what_others_trained() -> None:
    """Publish a model that others trained, from a folder on this machine.

    [bold]Example[/bold]

    [cyan]slipway import hf ~/models/Qwen2.5-0.5B-Instruct[/cyan]  a Hugging Face model
    """


@imports.command()
def hf(
    folder: Folder,
    name: Name = "",
    repository: Repository = REPOSITORY,
    backend: Backend = "",
    weights: Weights = FLOAT32,
) -> None:
    """Publish a Hugging Face folder as the next version of a model. Nothing is downloaded.

    Llama, Mistral, Qwen2 and Qwen3 write text; BERT gives embeddings, or labels. What can't answer as transformers
    does, such as quantised weights, is refused.

    [bold]Examples[/bold]

    [cyan]slipway import hf ~/models/Qwen2.5-0.5B-Instruct[/cyan]  named as the folder is

    [cyan]slipway import hf ~/models/all-MiniLM-L6-v2 --name minilm[/cyan]  an encoder, for /v1/embeddings

    [cyan]slipway import hf ~/models/Qwen2.5-0.5B-Instruct --weights int8[/cyan]  rounded to 8 bits
    """
    with one_line_errors():
        _check_typed(name, backend, weights)
        from training.huggingface.folder import model_name

        called = name or model_name(folder)
        if not _NAME.fullmatch(called):
            raise InvalidConfig(f"the folder's name, '{called[:100]}', can't be a model's; give it one with --name")
        version = _published(folder, repository / called, backend, weights)
        say(f"published   {version}")
        say(f"next        slipway serve{'' if repository == REPOSITORY else f' {shlex.quote(str(repository))}'}")


def _check_typed(name: str, backend: str, weights: str) -> None:
    if name and not _NAME.fullmatch(name):
        raise InvalidConfig(f"--name '{name[:100]}' has more than letters, digits and _ . + - in it")
    if backend not in ("", "onnxruntime", "pytorch"):
        raise InvalidConfig(f"--backend must be onnxruntime or pytorch, got '{backend[:100]}'")
    if check_weights(weights) == INT8 and backend == "pytorch":
        raise InvalidConfig("--weights int8 is for --backend onnxruntime, got pytorch; leave one of them out")


def _published(folder: Path, directory: Path, backend: str, weights: str) -> Path:
    terminal = console()
    with terminal.status("looking at the folder"):  # PyTorch takes seconds to import
        from training.huggingface.importing import look, publish
        from training.huggingface.weights import read_weights

        source = look(folder, weights)
    from training.display import bytes_shown

    with bytes_shown("weights", source.size, terminal) as on_bytes:
        read = read_weights(source.files, on_bytes)
    say(f"read        {source.architecture}, {sum(tensor.numel() for tensor in read.tensors.values()):,} weights")
    with terminal.status("exporting and comparing with PyTorch"):
        version = publish(source, read, directory, backend)
    say(f"parity      the exported file answers as PyTorch does{but_for(weights)}")
    return version
