"""The options of commands that say what is sent, and to whom. Rule: words only; every command has the same ones."""

from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Option

_option = partial(Option, rich_help_panel="Requests")

Protocol = Annotated[
    str,
    _option(
        metavar="NAME",
        help="v2, v2-binary, grpc, generate_stream, classify, detect, transcribe, recommend, completions, chat or "
        "embeddings; auto: what suits the model.",
    ),
]
Data = Annotated[
    Path | None,
    _option(
        metavar="FILE",
        help="Requests of your own: .jsonl of bodies or prompts, .txt, .npz, .npy, a folder of pictures or recordings.",
    ),
]
Rows = Annotated[int, _option(metavar="N", min=1, help="Examples or texts of each request.")]
Shape = Annotated[
    list[str] | None, _option(metavar="NAME:DIMS", help="Of an input with open dimensions, as in image:3,224,224.")
]
Values = Annotated[
    list[str] | None, _option(metavar="NAME:LOW..HIGH", help="What an input's numbers are, as in index:0..9.")
]
PromptTokens = Annotated[str | None, _option(metavar="N", help="Of a prompt, about; 32..512: any number between.")]
MaxTokens = Annotated[str | None, _option(metavar="N", help="Of an answer at most; 32..512: any number between.")]
Stream = Annotated[bool, _option("--stream/--whole", help="Whether text comes as it is written, or at once.")]
HangUpAfter = Annotated[int, _option(metavar="N", min=0, help="Events of a stream after which it is left; 0: all.")]
Extra = Annotated[str | None, _option(metavar="JSON", help="""More members of bodies, as in '{"ignore_eos": true}'.""")]
SequenceLength = Annotated[int, _option(metavar="N", min=1, help="Requests of a sequence, for models with a state.")]
CaFile = Annotated[Path | None, _option(metavar="FILE", help="Certificates to trust, instead of the system's.")]
Insecure = Annotated[bool, _option("--insecure", help="Check no certificate.")]
