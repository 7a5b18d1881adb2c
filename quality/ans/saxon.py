"""Saxon, which runs XSLT 3.0, in a process of its own (`quality.ans.worker`): it reads no file and no address.

A document or a stylesheet that it cannot live through costs that process and one answer: the next call starts another,
which is told again what it needs.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from quality.ans import worker
from quality.ans.xpath import NAMESPACE

PATIENCE = 300.0
"""Seconds for one answer: the slowest of ANS's schematrons takes a tenth of that."""


class Failure(msgspec.Struct, frozen=True):
    """Why something did not compile or run: the code of the error in the W3C's lists, never its text."""

    code: str = ""


CRASH = Failure("SAXON")
"""It ended, or did not end in time."""


class Saxon:
    """One Saxon, with what it compiled and parsed, by name. `schemes` it may read: none, `file` for an engine."""

    def __init__(self, schemes: str = "", patience: float = PATIENCE) -> None:
        self.schemes = schemes
        self.patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._told: dict[tuple[str, str], dict[str, str]] = {}
        """What each name is made of, by the act that makes it."""
        self._there: set[tuple[str, str]] = set()
        self._stop: Any = None

    def compile(self, name: str, text: str) -> Failure | None:
        return self._make("compile", name, {"text": text})

    def compile_file(self, name: str, path: str) -> Failure | None:
        return self._make("compile_file", name, {"path": path})

    def parse(self, name: str, text: str) -> Failure | None:
        """A document, from text without a document type."""
        return self._make("parse", name, {"text": text})

    def run(self, sheet: str, document: str, files: Mapping[str, str] | None = None) -> str | Failure:
        """The result of a stylesheet as text; `files` are the documents that it may look up, by reference."""
        needed = [("parse", name) for name in (document, *(files or {}).values())]
        needed.append(next(key for key in self._told if key[1] == sheet and key[0] != "parse"))
        for act, name in needed:
            if (act, name) not in self._there:
                failed = self._make(act, name, self._told[act, name])
                if failed:
                    return failed
        given = {
            "sheet": sheet,
            "document": document,
            "files": dict(files) if files is not None else None,
            "parameter": f"{{{NAMESPACE}}}files",
        }
        said = self._ask("run", given)
        return said if isinstance(said, Failure) else str(said["done"])

    def _make(self, act: str, name: str, given: dict[str, str]) -> Failure | None:
        said = self._ask(act, {"name": name, **given})
        if isinstance(said, Failure):
            return said
        self._told[act, name] = given
        self._there.add((act, name))
        return None

    def _ask(self, act: str, given: dict[str, Any]) -> dict[str, Any] | Failure:
        process = self._process or self._start()
        assert process.stdin is not None and process.stdout is not None
        late = threading.Timer(self.patience, process.kill)
        late.start()
        try:
            worker.write(process.stdin, {"act": act, "given": given})
            said = worker.read(process.stdout)
        except (OSError, ValueError):
            said = None
        finally:
            late.cancel()
        if said is None:
            self._stop()
            self._process = None
            self._there.clear()
            return CRASH
        return Failure(str(said["failed"])) if "failed" in said else said

    def _start(self) -> subprocess.Popen[bytes]:
        """A process without environment, in which nothing of this one is open."""
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, and a file of ours
            [sys.executable, "-I", str(Path(worker.__file__)), self.schemes],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"LC_ALL": "C.UTF-8"},
        )
        self._stop = weakref.finalize(self, _end, self._process)
        return self._process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    with process:
        pass
