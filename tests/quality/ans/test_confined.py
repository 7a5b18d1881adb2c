"""What neither a document nor a schematron can make it do: read, write, reach out, or give a value away."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import msgspec
import pytest

from quality.ans import Cache, Engine, Examined, Examiner, Tree
from tests.ans import FILES, MODEL, NS, SCH, TERMINOLOGY, document, repository, with_engine

ENGINES: tuple[Engine, ...] = ("carnet", "moteur")
SECRET = "AIGUE-MARINE"


def examine(root: Path, data: bytes, engine: Engine = "carnet") -> Examined:
    return Examiner(Tree(root), Cache(None), engine).examine(data)


def told(examined: Examined) -> str:
    notes = [note.told() for step in examined.steps for note in step.notes]
    return json.dumps([msgspec.to_builtins(examined), notes], ensure_ascii=False)


def schematron(body: str, more: str = "") -> str:
    return f'<schema {SCH} queryBinding="xslt2" {more}>{NS}{body}</schema>'


@pytest.mark.parametrize("engine", ENGINES)
def test_no_value_of_a_document_is_told(tmp_path: Path, engine: Engine, capfd: pytest.CaptureFixture[str]) -> None:
    """Not in sentences that would quote it, nor in diagnostics, nor in errors of Saxon or libxml2, on no stream."""
    body = f"""<pattern id="p"><let name="valeur" value="string(/cda:ClinicalDocument/cda:title)"/>
<rule context="/*/cda:title"><let name="ici" value="."/>
<assert test="false()" diagnostics="d">Vu : <value-of select="."/> <value-of select="$ici"/>
 <value-of select="$valeur"/> <value-of select="concat('a', .)"/> <emph><value-of select="."/></emph>
 <name path=".."/></assert>
<report test="true()" properties="d">Vu : <value-of select="$ici"/></report></rule></pattern>
<pattern id="q"><rule context="cda:title"><assert test="xs:integer(.) = 1">x</assert></rule></pattern>
<pattern id="r"><rule context="cda:id"><assert test="error(xs:QName('cda:{SECRET}'), string(/*/cda:title))">x</assert>
</rule></pattern>
<diagnostics><diagnostic id="d"><value-of select="."/></diagnostic></diagnostics>"""
    xs = '<ns prefix="xs" uri="http://www.w3.org/2001/XMLSchema"/>'
    text = schematron(xs + body).replace(f"cda:{SECRET}", "cda:erreur")
    root = with_engine(repository(tmp_path, **{MODEL: text}))
    data = document(title=SECRET, set_id="7").replace(b'realmCode code="FR"', f'realmCode code="{SECRET}"'.encode())
    examined = examine(root, data, engine)
    assert SECRET not in told(examined)
    assert SECRET not in "".join(capfd.readouterr())
    assert [finding.fr for finding in examined.steps[0].findings] == [
        "La valeur de @code n'est pas dans la liste du schéma."
    ]
    if engine == "carnet":  # the other one stops at the first error
        assert [finding.fr for finding in examined.steps[-1].findings] == [
            "Vu : {.} {.} {string(/cda:ClinicalDocument/cda:title)} {concat('a', .)} {.} ClinicalDocument",
            "Vu : {.}",
        ]
    else:
        assert examined.steps[-1].status == "not_applied"


@pytest.fixture
def listener() -> object:
    """A port of this machine that notes whether anybody came."""
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.2)
    came: list[object] = []
    stop = threading.Event()

    def listen() -> None:
        while not stop.is_set():
            try:
                came.append(server.accept())
            except TimeoutError:
                continue

    thread = threading.Thread(target=listen)
    thread.start()
    yield server.getsockname()[1], came  # type: ignore[misc]
    stop.set()
    thread.join()
    server.close()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_hostile_document_reads_nothing(tmp_path: Path, engine: Engine, listener: tuple[int, list[object]]) -> None:
    port, came = listener
    secret = tmp_path / "secret.txt"
    secret.write_text(SECRET)
    root = with_engine(repository(tmp_path / "copy"))
    plain = document(set_id="7").decode()
    head, _, rest = plain.partition("?>")
    attacks = [
        f'{head}?><!DOCTYPE a [<!ENTITY e SYSTEM "{secret.as_uri()}">]>{rest.replace("Biochimie", "&e;")}',
        f'{head}?><!DOCTYPE a SYSTEM "http://127.0.0.1:{port}/a.dtd">{rest}',
        f'{head}?><?xml-stylesheet type="text/xsl" href="http://127.0.0.1:{port}/a.xsl"?>{rest}',
        f'{head}?><?xml-model href="http://127.0.0.1:{port}/a.sch"?>{rest}',
        plain.replace(
            "<title>Biochimie</title>",
            f'<title><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{secret.as_uri()}" parse="text"/>'
            "</title>",
        ),
        plain.replace(
            "<ClinicalDocument ",
            '<ClinicalDocument xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
            f'xsi:schemaLocation="urn:hl7-org:v3 http://127.0.0.1:{port}/a.xsd" ',
        ),
    ]
    examiner = Examiner(Tree(root), Cache(None), engine)
    for attack in attacks:
        assert SECRET not in told(examiner.examine(attack.encode()))
    assert not came


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["../../../../../secret", "%2e%2e/%2e%2e/secret", "file:///secret", "/secret"])
def test_a_code_system_leads_to_no_other_file(tmp_path: Path, engine: Engine, name: str) -> None:
    """ANS's terminology schematron writes the code system of a document into the name of a file."""
    root = with_engine(repository(tmp_path / "copy"))
    (tmp_path / "secret.rdf").write_text("<r><code>11502-2</code></r>")
    attack = document(set_id="7").replace(b'codeSystem="2.16.840.1.113883.6.1"', f'codeSystem="{name}"'.encode())
    attack = attack.replace(b'code="11502-2"', b'code="0"')
    examined = examine(root, attack, engine)
    (one,) = [step for step in examined.steps if step.name == TERMINOLOGY]
    assert not one.findings and one.status == "partly"
    assert [note.code for note in one.notes] == ["CODE_SYSTEMS_ABSENT"]


@pytest.mark.parametrize(
    "test",
    [
        "contains(string(doc('{secret}')), 'x')",
        "contains(string(document('{secret}')), 'x')",
        "contains(unparsed-text('{secret}'), 'x')",
        "contains(unparsed-text(concat('file://', '{path}')), 'x')",
        "exists(collection('{folder}'))",
        "exists(uri-collection('{folder}'))",
        "contains(string(json-doc('{secret}')), 'x')",
        "contains(string(transform(map{{'stylesheet-location': '{sheet}', 'source-node': root(.)}})?output), 'x')",
        "exists(doc('http://127.0.0.1:{port}/'))",
        "exists(unparsed-text('http://127.0.0.1:{port}/'))",
    ],
)
def test_a_schematron_reads_no_file_but_those_handed_to_it(
    tmp_path: Path, test: str, listener: tuple[int, list[object]]
) -> None:
    port, came = listener
    secret = tmp_path / "secret.xml"
    secret.write_text(f"<a>{SECRET}</a>")
    sheet = tmp_path / "sheet.xsl"
    sheet.write_text(
        '<xsl:stylesheet version="3.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:template match="/">'
        f"<a>{SECRET}</a></xsl:template></xsl:stylesheet>"
    )
    given = {
        "sheet": sheet.as_uri(),
        "secret": secret.as_uri(),
        "path": str(secret),
        "folder": tmp_path.as_uri(),
        "port": port,
    }
    written = test.format(**given).replace("'x'", f"'{SECRET}'")
    text = schematron(f'<pattern id="p"><rule context="/*"><report test="{written}">lu</report></rule></pattern>')
    one = examine(repository(tmp_path / "copy", **{MODEL: text}), document()).steps[-1]
    assert not one.findings and one.status in ("partly", "not_applied")
    assert not came


def test_a_schematron_writes_nothing_and_learns_nothing_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARNET_ESSAI", SECRET)
    out = tmp_path / "out.xml"
    write = (
        '<xsl:function name="cda:f" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">'
        f'<xsl:result-document href="{out.as_uri()}"><a/></xsl:result-document></xsl:function>'
    )
    for body in (
        f'{write}<pattern><rule context="/*"><assert test="cda:f()">x</assert></rule></pattern>',
        '<pattern><rule context="/*"><report test="environment-variable(\'CARNET_ESSAI\')">lu</report></rule>'
        "</pattern>",
    ):
        one = examine(repository(tmp_path / "copy", **{MODEL: schematron(body)}), document()).steps[-1]
        assert not one.findings and not out.exists()


def test_functions_of_a_schematron_work(tmp_path: Path) -> None:
    """ART-DECOR declares some; they may look values up too."""
    function = (
        '<xsl:function name="local:connu" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:param name="c"/>'
        "<xsl:sequence select=\"document('../jeuxDeValeurs/JDV_Essai.xml')//svs:Concept/@code = $c\"/></xsl:function>"
    )
    rule = '<rule context="cda:languageCode"><assert test="local:connu(@code)">langue</assert></rule>'
    text = schematron(f"{function}<pattern>{rule}</pattern>", 'xmlns:local="urn:local"')
    root = repository(tmp_path, **{MODEL: text})
    assert not examine(root, document()).steps[-1].findings
    (finding,) = examine(root, document().replace(b"fr-FR", b"fr-XX")).steps[-1].findings
    assert finding.fr == "langue"


def test_a_schema_reaches_nothing_outside_the_copy(tmp_path: Path, listener: tuple[int, list[object]]) -> None:
    port, came = listener
    outside = tmp_path / "types.xsd"
    outside.write_text(FILES["infrastructure/cda/general/types.xsd"])
    entry = "infrastructure/cda/CDA_extended.xsd"
    text = FILES[entry].replace("http://192.0.2.1/elsewhere.xsd", f"http://127.0.0.1:{port}/a.xsd")
    for reference in ("../../../types.xsd", outside.as_uri(), "general/link.xsd"):
        root = repository(tmp_path / "copy", **{entry: text.replace("general/Types.xsd", reference)})
        link = root / "infrastructure/cda/general/link.xsd"
        if not link.exists():
            link.symlink_to(outside)
        one = examine(root, document()).steps[0]
        said = {note.code: note.names for note in one.notes}
        assert one.status == "not_applied" and list(said) == ["XSD_MISSING", "XSD_ELSEWHERE"]
        assert said["XSD_MISSING"][0].endswith(("types.xsd", "link.xsd"))
    assert not came


def test_an_include_reaches_nothing_outside_the_copy(tmp_path: Path) -> None:
    (tmp_path / "S_titre.sch").write_text(FILES["schematrons/include/sections/S_Titre.sch"])
    text = FILES["schematrons/profils/IHE.sch"].replace("../include/sections/", "../../../")
    one = examine(repository(tmp_path / "copy", **{"schematrons/profils/IHE.sch": text}), document()).steps[1]
    assert [note.code for note in one.notes] == ["INCLUDE_MISSING", "NOTHING_TESTED"]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_copy_is_never_written_to(tmp_path: Path, engine: Engine) -> None:
    root = with_engine(repository(tmp_path / "copy"))
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    Examiner(Tree(root), Cache(tmp_path / "cache"), engine).examine(document())
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_documents_nested_beyond_what_saxon_reads_are_told_not_to_be_read(tmp_path: Path) -> None:
    deep = document(set_id="7", body="essai").replace(b"essai", b"<x>" * 230 + b"</x>" * 230)
    examined = examine(repository(tmp_path), deep)
    assert {step.status for step in examined.steps[1:]} == {"not_applied"}
