"""The options of commands that say what is sent, and to whom. Rule: words only; every command has the same ones."""

from pathlib import Path
from typing import Annotated

from typer import Option

_PANEL = "Requests"

Protocol = Annotated[
    str,
    Option(
        metavar="NAME",
        rich_help_panel=_PANEL,
        help="v2, v2-binary, grpc, generate_stream, classify, detect, transcribe, recommend, completions, chat or "
        "embeddings; auto: what suits the model.",
    ),
]
Data = Annotated[
    Path | None,
    Option(
        metavar="FILE",
        rich_help_panel=_PANEL,
        help="Requests of your own: .jsonl of bodies or prompts, .txt, .npz, .npy, a folder of pictures or recordings.",
    ),
]
Rows = Annotated[int, Option(metavar="N", min=1, rich_help_panel=_PANEL, help="Examples or texts of each request.")]
Shape = Annotated[
    list[str] | None,
    Option(
        metavar="NAME:DIMS", rich_help_panel=_PANEL, help="Of an input with open dimensions, as in image:3,224,224."
    ),
]
Values = Annotated[
    list[str] | None,
    Option(metavar="NAME:LOW..HIGH", rich_help_panel=_PANEL, help="What an input's numbers are, as in index:0..9."),
]
PromptTokens = Annotated[
    str | None, Option(metavar="N", rich_help_panel=_PANEL, help="Of a prompt, about; 32..512: any number between.")
]
MaxTokens = Annotated[
    str | None, Option(metavar="N", rich_help_panel=_PANEL, help="Of an answer at most; 32..512: any number between.")
]
Stream = Annotated[
    bool, Option("--stream/--whole", rich_help_panel=_PANEL, help="Whether text comes as it is written, or at once.")
]
HangUpAfter = Annotated[
    int, Option(metavar="N", min=0, rich_help_panel=_PANEL, help="Events of a stream after which it is left; 0: all.")
]
Extra = Annotated[
    str | None,
    Option(metavar="JSON", rich_help_panel=_PANEL, help="""More members of bodies, as in '{"ignore_eos": true}'."""),
]
SequenceLength = Annotated[
    int, Option(metavar="N", min=1, rich_help_panel=_PANEL, help="Requests of a sequence, for models with a state.")
]
CaFile = Annotated[
    Path | None, Option(metavar="FILE", rich_help_panel=_PANEL, help="Certificates to trust, instead of the system's.")
]
Insecure = Annotated[bool, Option("--insecure", rich_help_panel=_PANEL, help="Check no certificate.")]
