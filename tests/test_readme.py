"""The README names what exists: files, make targets, commands, options."""

from __future__ import annotations

import re
from pathlib import Path

from carnet.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def test_every_link_and_path_leads_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    paths = re.findall(r"`((?:tests|docs|docker-compose|\.env\.example)[\w./-]*)`", README)
    assert links and [place for place in (*links, *paths) if not (ROOT / place).exists()] == []


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"make (\w+)", README)) <= targets


def test_every_command_and_option_exists() -> None:
    known = {c.name or c.callback.__name__ for c in app.registered_commands if c.callback}
    used = set(re.findall(r"carnet (\w[\w-]*) ?[A-Z\-`&\n]", README.replace("carnet state-hash", "carnet state-hash ")))
    assert used and used - {"fills"} <= known
    source = "".join(path.read_text("utf-8") for path in (ROOT / "carnet" / "cli").glob("*.py"))
    for option in set(re.findall(r"--[a-z]+", README)):
        assert f'"{option}"' in source or option.removeprefix("--").replace("-", "_") in source
