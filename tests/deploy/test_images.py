"""What the images' files say of the project; tests/deploy/image builds them."""

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import click
import pytest
from packaging.requirements import Requirement
from typer.main import get_command

from serving.cli import app
from serving.commands.configuration import variable

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
IGNORED = (ROOT / ".dockerignore").read_text().split()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]

NOT_IN_IMAGES = {"dev", "voices"}
WITHOUT_HASHES = {"torch", "slipway-serving"}


def pins(file: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9.-]+)==([^ ;\\\n]+)", (ROOT / file).read_text(), re.M))


def test_hashes_are_those_of_the_releases_that_are_pinned() -> None:
    pinned, hashed, tools = (
        pins(f"{name}.txt") for name in ("constraints", "deploy/image/hashes", "deploy/image/tools")
    )
    assert hashed.items() <= pinned.items(), "make lock-images"
    assert all(version == pinned.get(name, version) for name, version in tools.items()), "make lock-images"


def test_whatever_extra_an_image_is_asked_for_its_dependencies_have_hashes() -> None:
    asked = [*PROJECT["dependencies"], *(it for name in EXTRAS.keys() - NOT_IN_IMAGES for it in EXTRAS[name])]
    names = {Requirement(it).name for it in asked} - WITHOUT_HASHES
    assert names <= pins("deploy/image/hashes.txt").keys(), "make lock-images"


@pytest.mark.parametrize("dockerfile", ["Dockerfile", "deploy/ray/Dockerfile"])
def test_what_a_build_copies_is_not_kept_from_it(dockerfile: str) -> None:
    lines = re.findall(r"^COPY (?!--from)(?:--\S+ )?(.+) \S+$", (ROOT / dockerfile).read_text(), re.M)
    copied = [source for line in lines for source in line.split()]
    assert "serving" in copied
    assert [source for source in copied if not (ROOT / source).exists() or kept_out(source)] == []


def kept_out(source: str) -> bool:
    """As .dockerignore is read: the last line that fits it, or a folder above it, counts."""
    above = {source, *map(str, Path(source).parents)} - {"."}
    fits = [line for line in IGNORED if any(fnmatch(it, line.removeprefix("!")) for it in above)]
    return bool(fits) and not fits[-1].startswith("!")


def test_the_dockerfile_names_extras_and_variables_that_there_are() -> None:
    extras = {name for line in re.findall(r"EXTRAS=([\w,]+)", DOCKERFILE) for name in line.split(",")}
    assert extras <= EXTRAS.keys()
    serve = get_command(app).get_command(click.Context(get_command(app)), "serve")  # type: ignore[attr-defined]
    variables = {variable(option.name) for option in serve.params}
    assert set(re.findall(r"SLIPWAY_\w+", DOCKERFILE)) <= variables
