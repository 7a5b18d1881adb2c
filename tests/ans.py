"""A small copy of a repository laid out as ANS's test repository is, with rules of our own and faults as it has them.

Nothing of it is ANS's: a few rules in the same constructs (includes, abstract patterns and rules, phases, variables,
value sets looked up by `document`, ART-DECOR's `doc`), and the faults that its files have on a system that minds case.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.cda import cda

SCH = 'xmlns="http://purl.oclc.org/dsdl/schematron"'
NS = (
    '<ns prefix="cda" uri="urn:hl7-org:v3"/><ns prefix="svs" uri="urn:ihe:iti:svs:2008"/>'
    '<ns prefix="xsi" uri="http://www.w3.org/2001/XMLSchema-instance"/>'
)
LDL_SES = "1.2.250.1.213.1.1.1.29"
CR_BIO = "1.2.250.1.213.1.1.1.55"
MODEL = "schematrons/CI-SIS_LDL-SES_2022.01.sch"
HEADER = "schematrons/profils/structurationMinimale/ASIP-STRUCT-MIN-StrucMin.sch"
TERMINOLOGY = "schematrons/profils/terminologies/schematron/terminologie.sch"

FILES: dict[str, str] = {
    "infrastructure/cda/CDA_extended.xsd": """<?xml version="1.0"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:hl7-org:v3" targetNamespace="urn:hl7-org:v3"
 elementFormDefault="qualified">
<xs:include schemaLocation="general/Types.xsd"/>
<xs:import namespace="urn:elsewhere" schemaLocation="http://192.0.2.1/elsewhere.xsd"/>
<xs:element name="ClinicalDocument"><xs:complexType><xs:sequence>
<xs:element name="realmCode" type="Coded"/><xs:any maxOccurs="unbounded" processContents="skip"/>
</xs:sequence></xs:complexType></xs:element></xs:schema>""",
    "infrastructure/cda/general/types.xsd": """<?xml version="1.0"?>
<!DOCTYPE xs:schema PUBLIC "-//W3C//DTD XMLSCHEMA 200102//EN" "XMLSchema.dtd" [<!ATTLIST xs:element id ID #IMPLIED>]>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:hl7-org:v3">
<xs:complexType name="Coded"><xs:attribute name="code" use="required"><xs:simpleType><xs:restriction base="xs:string">
<xs:enumeration value="FR"/></xs:restriction></xs:simpleType></xs:attribute></xs:complexType></xs:schema>""",
    "schematrons/abstract/dansListe.sch": f"""<pattern {SCH} id="dansListe" abstract="true">
<rule context="$xpath_elt"><let name="le_code" value="@code"/>
<assert test="@nullFlavor or document($liste)//svs:Concept[@code=$le_code]">[dansListe] L'élément
<value-of select="$vue_elt"/> (<value-of select="$le_code"/>) doit être dans <value-of select="$liste"/>.</assert>
</rule></pattern>""",
    "schematrons/include/sections/S_Titre.sch": f"""<pattern {SCH} id="S_titre">
<rule context="cda:section" id="titre"><assert test="cda:title" role="warning">Une section doit porter un titre ;
<name/> n'en a pas.</assert>
<report test="cda:text[not(normalize-space())]" role="info">Le texte de la section est vide.</report></rule>
</pattern>""",
    "schematrons/include/jeuxDeValeurs/JDV_Essai.sch": f"""<pattern {SCH} id="JDV_essai" is-a="dansListe">
<param name="liste" value="$JDV_essai"/><param name="vue_elt" value="'ClinicalDocument/languageCode'"/>
<param name="xpath_elt" value="/cda:ClinicalDocument/cda:languageCode"/></pattern>""",
    MODEL: f"""<!-- modèle --><schema {SCH} defaultPhase="tout" queryBinding="xslt2"><title>LDL</title>{NS}
<include href="abstract/dansListe.sch"/><include href="include/jeuxDeValeurs/JDV_Essai.sch"/>
<phase id="tout"><active pattern="variables"/><active pattern="JDV_essai"/></phase>
<pattern id="variables"><let name="JDV_essai" value="'../jeuxDeValeurs/JDV_Essai.xml'"/>
<rule context='*[cda:templateId/@root="{LDL_SES}"]' id="sections">
<assert test='.//cda:section/cda:code[@code="18719-5"]' id="a1">La section 18719-5 est obligatoire.</assert></rule>
</pattern>
<pattern id="inactif"><rule context="/"><assert test="false()">Cette règle est hors de la phase.</assert></rule>
</pattern>
</schema>""",
    "schematrons/CI-SIS_BIO-CR-BIO_2023.01.sch": f"""<schema {SCH} queryBinding="xslt2">{NS}
<include href="include/specificationsVolets/BIO-CR-BIO_2023.01/Entete.sch"/>
<pattern id="reste"><rule context="cda:ClinicalDocument"><assert test="cda:title">Titre.</assert></rule></pattern>
</schema>""",
    "schematrons/include/specificationsVolets/BIO-CR-BIO_2023.01": "",
    "schematrons/profils/IHE.sch": f"""<schema {SCH} queryBinding="xslt2">{NS}
<include href="../include/sections/S_titre.sch"/></schema>""",
    "schematrons/profils/CI-SIS_ModelesDeContenusCDA.sch": f"""<schema {SCH} queryBinding="xslt2">{NS}
<pattern id="codes"><rule context="cda:observation/@classCode"><assert test=". = 'OBS'">classCode vaut OBS.</assert>
</rule></pattern></schema>""",
    "schematrons/profils/CI-SIS_Modeles_ANS.sch": f"""<schema {SCH} queryBinding="xslt2">{NS}
<include href="../include/entrees/E_absente.sch"/>
<pattern id="entete"><rule context="cda:ClinicalDocument">
<assert test="cda:setId">[entete] setId manque : <value-of select="cda:title"/>, <value-of select="cda:id/@root"/>.
</assert></rule></pattern></schema>""",
    HEADER: f"""<schema {SCH} queryBinding="xslt2" xmlns:local="urn:essai:local">{NS}
<pattern><include href="include/DTr1_ANY.sch"/><include href="include/DTr1_II.sch"/></pattern>
<pattern><title>Identifiants</title>
<rule context="cda:ClinicalDocument/cda:id | cda:setId"><extends rule="II"/>
<assert role="error" test="not(@extension)" see="https://example.org/regle?id={{1}}">Pas d'extension.</assert></rule>
<rule context="cda:confidentialityCode"><assert role="error"
 test="@code = doc('include/voc-1.2.3.4-DYNAMIC.xml')//valueSet[1]/conceptList/concept/@code">Code de
 confidentialité.</assert>
<assert role="error" test="@code = doc('include/voc-9.9.9-DYNAMIC.xml')//concept/@code">Jamais dit.</assert></rule>
</pattern></schema>""",
    "schematrons/profils/structurationMinimale/include/DTr1_ANY.sch": f"""<rule {SCH} abstract="true" id="ANY">
<assert role="error" test="not(@nullFlavor) or not(@root)">dtr1-ANY : nullFlavor ou valeur.</assert></rule>""",
    "schematrons/profils/structurationMinimale/include/DTr1_II.sch": f"""<rule {SCH} abstract="true" id="II">
<extends rule="ANY"/><let name="motif" value="'^[0-2](\\.(0|[1-9]\\d*))*$'"/>
<assert role="error" test="not(@root) or matches(@root, $motif)">dtr1-II : "<value-of select="@root"/>" n'est pas un OID
(<value-of select="$motif"/>).</assert></rule>""",
    TERMINOLOGY: f"""<schema {SCH} queryBinding="xslt2">{NS}<pattern id="terminologie">
<let name="dossier" value="'../terminologie/'"/>
<rule abstract="true" id="existe"><let name="systeme" value="@codeSystem"/><let name="code" value="@code"/>
<assert role="error" test="not(doc-available(concat($dossier, $systeme, '.rdf')) and not(exists(doc(concat($dossier,
 $systeme, '.rdf'))//code[. = string($code)])))">Ce code n'est pas dans la terminologie
 <value-of select="$systeme"/>.</assert></rule>
<rule context="cda:code"><extends rule="existe"/></rule></pattern></schema>""",
    "schematrons/profils/terminologies/terminologie/2.16.840.1.113883.6.1.rdf": "<r><code>11502-2</code></r>",
    "jeuxDeValeurs/JDV_Essai.xml": '<RetrieveValueSetResponse xmlns="urn:ihe:iti:svs:2008"><ValueSet id="1.2.3.3">'
    '<ConceptList><Concept code="fr-FR" codeSystem="1.2"/></ConceptList></ValueSet></RetrieveValueSetResponse>',
    "jeuxDeValeurs/JDV_J00_Essai.xml": '<RetrieveValueSetResponse xmlns="urn:ihe:iti:svs:2008"><ValueSet id="1.2.3.4">'
    '<ConceptList><Concept code="N" codeSystem="1.2"/></ConceptList></ValueSet></RetrieveValueSetResponse>',
}


def repository(root: Path, **changed: str | None) -> Path:
    """The copy, below `root`; files by path with other text, or None for none."""
    for path, text in {**FILES, **changed}.items():
        if text is None:
            continue
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    return root


def document(*, template: str = LDL_SES, version: str | None = "2022.01", level: int = 3, **more: object) -> bytes:
    """A document of a model, by its template."""
    said = f' extension="{version}"' if version else ""
    plain = cda(level=level, **more)  # type: ignore[arg-type]
    return plain.replace(
        b'<id root="1.2.250.1.999.1',
        f'<templateId root="{template}"{said}/>'.encode() + b'<id root="1.2.250.1.999.1',
        1,
    )


def with_engine(root: Path) -> Path:
    """The copy with an engine: the ISO implementation for XSLT 1 that lxml ships, told that it may take `xslt2`."""
    import lxml.isoschematron

    shipped = Path(lxml.isoschematron.__file__).parent / "resources/xsl/iso-schematron-xslt1"
    moteur = root / "schematrons/moteur"
    shutil.copytree(shipped, moteur)
    skeleton = moteur / "iso_schematron_skeleton_for_xslt1.xsl"
    text = skeleton.read_text(encoding="utf-8")
    text = text.replace("@queryBinding='xslt' \n", "@queryBinding='xslt2' or @queryBinding='xslt' \n", 1)
    text = text.replace(
        '<xsl:attribute name="version">1.0</xsl:attribute>', '<xsl:attribute name="version">2.0</xsl:attribute>'
    )
    skeleton.write_text(text, encoding="utf-8")
    (moteur / "iso_svrl_for_xslt1.xsl").rename(moteur / "iso_svrl_for_xslt2.xsl")
    return root
