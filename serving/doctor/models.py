"""The model repository: is it there, does each model's config hold, are its files there and what they should be?

Rule: as a load would see it, but for loading a model; of what lies elsewhere only names are asked for.
"""

import os
import stat
from collections.abc import Collection, Iterator
from importlib.util import find_spec
from pathlib import Path
from shlex import join, quote
from tempfile import TemporaryDirectory

import typer

from serving.backends.backend import model_file
from serving.commands.failures import CannotServe, check_repository
from serving.commands.places import first_model
from serving.core import ensemble, ensemble_models
from serving.core.instance_groups import check_gpu, devices, no_gpus
from serving.core.model_config import ModelConfig, select_versions
from serving.doctor import runtimes
from serving.doctor.finding import Finding, ok, problem, warning
from serving.engine.config_check import checked
from serving.engine.config_completion import completed_config
from serving.engine.ensemble_loading import NeedsOnDisk
from serving.engine.one_model import open_one_model
from serving.engine.repositories import ModelRepositories, open_repositories
from serving.engine.verification import listed
from serving.errors import ModelLoadFailed, SlipwayError
from serving.settings import Settings

_PACKAGES = {"onnxruntime": "onnxruntime", "pytorch": "torch"}
_EXTRAS = {"onnxruntime": "cpu", "pytorch": "torch"}


def examine(settings: Settings) -> list[Finding]:
    findings = [finding for place in settings.places if (finding := _folder(place, settings.model_name))]
    if findings:
        return findings
    with TemporaryDirectory(prefix="slipway-doctor-") as links:
        try:
            repository = _opened(settings, Path(links))
            names = repository.names()
        except (SlipwayError, OSError) as error:
            return [problem("repository", str(error), "mend that, or name another: slipway serve FOLDER")]
        return [*_around(settings, names), *_models(repository, names, settings)]


def _folder(place: Path | str, model_name: str | None) -> Finding | None:
    """What is wrong with it."""
    if not isinstance(place, Path):
        return None
    try:
        check_repository(place, model_name is not None)
    except (CannotServe, typer.BadParameter) as error:
        says, _, fix = str(error).partition("; ")
        return problem("repository", says, fix)
    return None


def _opened(settings: Settings, links: Path) -> ModelRepositories:
    (place, *others) = settings.places
    if settings.model_name is not None and not others and isinstance(place, Path):
        return open_one_model(place, settings.model_name, links)
    return open_repositories(settings.places, settings.model_cache)


def _around(settings: Settings, names: list[str]) -> Iterator[Finding]:
    for place in settings.places:
        if isinstance(place, Path) and place.is_dir() and _is_everybodys(place):
            says = f"every user of this machine may put models, and so code, into {place}"
            yield warning("repository", says, f"chmod o-w {quote(str(place))}")
    for name in settings.load_model:
        if name not in (*names, "*"):
            fix = f"--load-model names one of {', '.join(names) or 'those that will be there'}"
            yield problem(f"--load-model {name}", "no repository has such a model", fix)
    if not names:
        places = list(map(str, settings.places))
        yield warning("repository", f"there is no model in {', '.join(places)}", first_model(places))


def _is_everybodys(folder: Path) -> bool:
    mode = folder.stat().st_mode
    return os.name == "posix" and bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX


def _models(repository: ModelRepositories, names: list[str], settings: Settings) -> Iterator[Finding]:
    if not repository.is_watchable:
        yield ok("models", f"{len(names)}, of which some lie elsewhere: `slipway models check` fetches and loads them")
        return
    well, served = list[str](), set[str]()
    for name in ensemble_models.load_order(names, NeedsOnDisk(repository)):
        if name not in names:  # which the ensemble that needs it will say
            continue
        try:
            warnings = _looked_at(repository, name, settings.require_manifest, served)
        except ModelLoadFailed as error:
            yield problem(
                f"model {name}", str(error), f"mend {_where(repository, name)}, then {_check(repository, name)}"
            )
            continue
        served.add(name)
        yield from (warning(f"model {name}", each, f"mend {_where(repository, name)}") for each in warnings)
        well += [] if warnings else [name]
    if well:
        yield ok("models", f"{', '.join(well)}: configs and files are as they should be")


def _looked_at(repository: ModelRepositories, name: str, require_manifest: bool, served: Collection[str]) -> list[str]:
    """Warnings; `served` are the models of which an ensemble may consist. Raises `ModelLoadFailed`."""
    if conflict := repository.trouble(name):
        raise ModelLoadFailed(conflict)
    config = completed_config(repository, name)
    warnings = [each.removeprefix(f"{name}: ") for each in checked(config, repository)]
    if ensemble.is_ensemble(config):
        _check_steps(config, repository, served)
        return warnings
    _check_runtime(config)
    _check_gpus(config)
    versions = select_versions(config, repository.versions(name))
    if not versions:
        raise ModelLoadFailed("its version_policy selects none of the versions that there are")
    for version in versions:
        directory = repository.version_directory(name, version)
        model_file(directory, config)
        listed(directory, require_manifest)
    return warnings


def _check_steps(config: ModelConfig, repository: ModelRepositories, served: Collection[str]) -> None:
    ensemble_models.check_no_circle(config.name, NeedsOnDisk(repository))
    models = []
    for step in ensemble.steps(config):
        name, version = step.model_name, step.model_version
        if name not in repository.names():
            raise ModelLoadFailed(f"a step asks the model '{name}', which no repository has")
        if name not in served:
            raise ModelLoadFailed(f"a step asks the model '{name}', which would not be served")
        model = completed_config(repository, name)
        if version and int(version) not in select_versions(model, repository.versions(name)):
            raise ModelLoadFailed(f"a step asks for version {version} of the model '{name}', which is not served")
        models.append(model)
    if all(model.input and model.output for model in models):  # else their own code says what these are
        ensemble_models.check_models(config, models)


def _check_gpus(config: ModelConfig) -> None:
    gpus = [device for device in devices(config) if device.startswith("cuda:")]
    if not gpus or config.backend != "onnxruntime":
        return
    there = runtimes.found()
    if not there.usable:
        raise no_gpus(config, f"{there.no_gpu}, or use KIND_CPU")
    for each in gpus:
        check_gpu(each, there.usable)


def _check_runtime(config: ModelConfig) -> None:
    package = _PACKAGES.get(config.backend)
    if package is not None and find_spec(package) is None:
        extra = _EXTRAS[config.backend]
        raise ModelLoadFailed(f"its backend needs {package}: pip install 'slipway-serving[{extra}]'")


def _check(repository: ModelRepositories, name: str) -> str:
    roots = [word for root in repository.roots for word in ("--model-repository", str(root))]
    return join(["slipway", "models", "check", name, *roots])


def _where(repository: ModelRepositories, name: str) -> str:
    root = next((root for root in repository.roots if (root / name).is_dir()), None)
    return f"{name}/config.pbtxt or its files" if root is None else quote(str(root / name))
