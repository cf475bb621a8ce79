"""What further instances of a model cost in memory, beside what they would cost with weights of their own.

    python -m loadtests.benchmarks.shared_weights                 # a table for people, one JSON line last
    python -m loadtests.benchmarks.shared_weights --megabytes 400 --instances 8

Rule: each figure is a server in a process of its own that has answered requests, less one whose models weigh nothing.
"""

import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from loadtests.benchmarks.callers import ask_each, at_once, failures, infer
from loadtests.benchmarks.dense_model import BATCHED, Backend, Dense, add_model
from loadtests.benchmarks.report import last_line, run_command, show, spread, table
from loadtests.benchmarks.server_process import Server, ServerFailed, started

NOTHING = "nothing"


def main(
    megabytes: Annotated[float, typer.Option(min=0.1, help="Weights of the model, in 10^6 bytes.")] = 100.0,
    instances: Annotated[int, typer.Option(min=2, max=16, help="How many instances share them.")] = 4,
    rounds: Annotated[int, typer.Option(min=1, help="How often each server is started; all take turns.")] = 2,
    backend: Annotated[
        list[Backend] | None, typer.Option(help="What runs the model; may be repeated; both unless given.")
    ] = None,
) -> None:
    """Memory of a server with one instance of a model, with several, and with several models of the same size.

    Several instances (`instance_group { count: N }`) share one copy of the weights. Several models under their own
    names don't, and so show what not sharing would cost. RSS is what the process has in memory; USS is the part that
    it has alone. Both are above those of a server whose model has no weights to speak of. The models are made on the
    fly, for ONNX Runtime and, as TorchScript, for PyTorch.
    """
    size = Dense.of_megabytes(megabytes)
    report: dict[str, object] = {"weights_mb": round(size.megabytes, 1), "instances": instances, "rounds": rounds}
    for each in backend or Backend:
        with tempfile.TemporaryDirectory() as folder:
            repositories = write_repositories(Path(folder), each.value, size, instances)
            found = [{name: measure(root) for name, root in repositories.items()} for _ in range(rounds)]
        report[each.value] = show_backend(each.value, size.megabytes, found)
    last_line(report)


def write_repositories(root: Path, backend: str, size: Dense, instances: int) -> dict[str, Path]:
    """By what is in them."""
    several = f"{BATCHED} instance_group {{ count: {instances} }}"
    repositories = {
        NOTHING: root / "nothing",
        "1 instance": root / "one",
        f"{instances} instances": root / "several",
        f"{instances} models, 1 instance each": root / "copies",
    }
    nothing, one, shared, copies = repositories.values()
    add_model(nothing, "m0", Dense(4, 1), backend)
    add_model(one, "m0", size, backend)
    add_model(shared, "m0", size, backend, several)
    for number in range(instances):
        add_model(copies, f"m{number}", size, backend)
    return repositories


def measure(repository: Path) -> tuple[float, float]:
    """RSS and USS in MB, once every instance of every model has run."""
    with started(repository) as server:
        run_all_instances(server, sorted(path.name for path in repository.iterdir()))
        return server.rss(), server.uss()


def run_all_instances(server: Server, models: list[str]) -> None:
    for model in models:
        calls = [infer(model, 1, 2, 3, 4)] * 8
        failed = failures(at_once([partial(ask_each, server.port, calls)] * 16))
        if failed:
            raise ServerFailed(f"{failed} requests to {model} failed")


def show_backend(title: str, weights: float, found: list[dict[str, tuple[float, float]]]) -> dict[str, object]:
    rows: list[tuple[str, ...]] = [(title, "RSS MB above nothing", "USS MB above nothing", "RSS / weights")]
    figures: dict[str, object] = {}
    for name in found[0]:
        if name == NOTHING:
            continue
        rss = spread([each[name][0] - each[NOTHING][0] for each in found])
        uss = spread([each[name][1] - each[NOTHING][1] for each in found])
        figures[name] = {"rss_mb": rss, "uss_mb": uss}
        rows.append((name, show(rss), show(uss), f"{rss['median'] / weights:.2f}"))
    table(*rows)
    print()
    return figures


if __name__ == "__main__":
    run_command(main)
