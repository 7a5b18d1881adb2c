"""Saxon's process: the one home of saxonche. Run by its path, it imports nothing else of Carnet.

Saxon's native library ends its process on an error of its own, and prints texts that quote documents: so it has a
process to itself, without environment, files or streams but two pipes. Requests and replies are JSON, each after its
length in four bytes. A reply is `{"done": …}` or `{"failed": <code of the error in the W3C's lists, or empty>}`.
"""

from __future__ import annotations

import json
import os
import re
import struct
import sys
from typing import IO, Any

FEATURE = "http://saxon.sf.net/feature/"
LENGTH = struct.Struct(">I")


def write(stream: IO[bytes], message: dict[str, Any]) -> None:
    data = json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass")
    stream.write(LENGTH.pack(len(data)) + data)
    stream.flush()


def read(stream: IO[bytes]) -> dict[str, Any] | None:
    """The next message; None at the end."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    data = stream.read(LENGTH.unpack(head)[0])
    found: dict[str, Any] = json.loads(data)
    return found


class Worker:
    """What was compiled and parsed, by the names that the other side gave."""

    def __init__(self, schemes: str) -> None:
        from saxonche import PySaxonProcessor

        self.processor = PySaxonProcessor(license=False)
        self.processor.set_configuration_property(FEATURE + "allowedProtocols", schemes)
        self.processor.set_configuration_property(FEATURE + "allow-external-functions", "false")
        self.xslt = self.processor.new_xslt30_processor()
        self.sheets: dict[str, Any] = {}
        self.documents: dict[str, Any] = {}

    def compile(self, name: str, text: str) -> None:
        self.sheets[name] = self.xslt.compile_stylesheet(stylesheet_text=text, encoding="utf-8")

    def compile_file(self, name: str, path: str) -> None:
        self.sheets[name] = self.xslt.compile_stylesheet(stylesheet_file=path)

    def parse(self, name: str, text: str) -> None:
        self.documents[name] = self.processor.parse_xml(xml_text=text)

    def run(self, sheet: str, document: str, files: dict[str, str] | None, parameter: str) -> str:
        """The result as text. `files` are the names of parsed documents by the reference a stylesheet knows them by."""
        compiled = self.sheets[sheet]
        if files is not None:
            keyed = {self.processor.make_string_value(key): self.documents[name] for key, name in files.items()}
            compiled.set_parameter(parameter, self.processor.make_map(keyed))
        return compiled.transform_to_string(xdm_node=self.documents[document]) or ""


def main() -> None:
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    worker = Worker(sys.argv[1])
    while (request := read(sys.stdin.buffer)) is not None:
        try:
            done = getattr(worker, request["act"])(**request["given"])
        except Exception as error:  # noqa: BLE001 - the binding raises kinds of its own, with texts that may quote
            found = re.search(r"\b[A-Z]{4}\d{4}\b", str(error))
            write(replies, {"failed": found[0] if found else ""})
        else:
            write(replies, {"done": done})


if __name__ == "__main__":
    main()
