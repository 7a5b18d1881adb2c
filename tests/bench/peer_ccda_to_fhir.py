"""The other side of the comparison: ccda-to-fhir over a folder, its own CPU time a document; run by its own Python.

Best of some rounds, as JSON: `seconds` and `resources` of each document that it converts, `error` of the others.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from pathlib import Path
from typing import Any


def main(folder: Path, rounds: int) -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    from ccda_to_fhir.convert import convert_document

    found: dict[str, dict[str, Any]] = {}
    for path in folder.glob("*.xml"):
        data = path.read_bytes()
        taken = []
        try:
            for _ in range(rounds):
                start = time.process_time()
                written = json.dumps(convert_document(data.decode("utf-8-sig"))["bundle"])
                taken.append(time.process_time() - start)
        except Exception as error:  # noqa: BLE001 - whatever it raises, it does not convert
            found[path.stem] = {"error": type(error).__name__}
        else:
            found[path.stem] = {"seconds": min(taken), "resources": len(json.loads(written)["entry"])}
    print(json.dumps(found))


main(Path(sys.argv[1]), int(sys.argv[2]))
