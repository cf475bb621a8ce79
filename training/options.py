"""Options of the command line that `train` and `search` have in common. Rule: importing this imports no torch."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path | None,
    typer.Option(exists=True, help="Your own data, in place of the recipe's: a file or a folder.", show_default=False),
]
ModelName = Annotated[
    str | None, typer.Option("--name", help="Of the model, with data of your own.", show_default="the recipe's")
]
Runs = Annotated[Path, typer.Option("--runs", help="Folder of the runs.")]
Device = Annotated[str, typer.Option(help="cpu, or cuda for a GPU.")]
