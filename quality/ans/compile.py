"""A prepared schematron as XSLT 3.0 that writes SVRL (ISO/IEC 19757-3, annexes C and D), small enough to load at once.

The ISO skeleton writes the rules that a rule extends into it again and again; ANS's header schematron becomes 10 MB,
which Saxon reads for 14 to 26 s in every process, since its free edition cannot keep what it compiled. Here an abstract
rule is one named template, called where its variables allow it. A rule that fails at run time is told, and only it.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from quality.ans.assembly import SCHEMATRON, XSLT, S, X
from quality.ans.xpath import NAMESPACE, PREFIX, outside_literals, variables

SVRL = "http://purl.oclc.org/dsdl/svrl"
_OWN = {
    "xsl": XSLT,
    "carnet-svrl": SVRL,
    PREFIX: NAMESPACE,
    "carnet-xs": "http://www.w3.org/2001/XMLSchema",
    "carnet-map": "http://www.w3.org/2005/xpath-functions/map",
    "carnet-err": "http://www.w3.org/2005/xqt-errors",
}
FUNCTIONS = f"""\
<xsl:param name="{PREFIX}:files" as="map(*)" select="map{{}}"/>
<xsl:function name="{PREFIX}:document" as="document-node()*"><xsl:param name="reference"/>\
<xsl:for-each select="$reference"><xsl:choose>\
<xsl:when test="carnet-map:contains(${PREFIX}:files, string(.))">\
<xsl:sequence select="${PREFIX}:files(string(.))"/></xsl:when>\
<xsl:otherwise><xsl:sequence select="error(carnet-xs:QName('{PREFIX}:no-such-file'))"/></xsl:otherwise>\
</xsl:choose></xsl:for-each></xsl:function>
<xsl:function name="{PREFIX}:doc" as="document-node()?"><xsl:param name="reference"/>\
<xsl:sequence select="{PREFIX}:document($reference)"/></xsl:function>
<xsl:function name="{PREFIX}:doc-available" as="carnet-xs:boolean"><xsl:param name="reference"/>\
<xsl:sequence select="exists($reference) and carnet-map:contains(${PREFIX}:files, string($reference))"/></xsl:function>
"""
"""What stands for `doc` and its like: files handed over by reference, and an error for any other."""


def namespaces() -> list[str]:
    """Declarations that `FUNCTIONS` needs."""
    return [f"xmlns:{prefix}={quoteattr(uri)}" for prefix, uri in _OWN.items()]


def stylesheet(schema: etree._Element) -> str:
    """The whole stylesheet. `carnet-ans:files` maps references, as the schematron writes them, to documents."""
    return _Compiling(schema).whole()


class _Compiling:
    def __init__(self, schema: etree._Element) -> None:
        self.schema = schema
        self.rules = {
            one.get("id", ""): one for one in schema.iter(S + "rule") if one.get("abstract") == "true" and one.get("id")
        }
        self.patterns = list(schema.iter(S + "pattern"))
        self.shared = {one.get("name", "") for one in self._shared()}
        self.called: dict[str, str] = {}

    def whole(self) -> str:
        declared = {prefix: uri for prefix, uri in self.schema.nsmap.items() if prefix and uri != SCHEMATRON}
        declared |= {one.get("prefix", ""): one.get("uri", "") for one in self.schema.iter(S + "ns")}
        declared = {prefix: uri for prefix, uri in declared.items() if prefix not in (*_OWN, "xml", "")}
        given = "".join(f" xmlns:{prefix}={quoteattr(uri)}" for prefix, uri in declared.items())
        parts = [
            f'<xsl:stylesheet version="3.0" exclude-result-prefixes="#all" {" ".join(namespaces())}{given}>',
            '<xsl:output method="xml" omit-xml-declaration="yes"/>',
            FUNCTIONS,
            *self._globals(),
            *(etree.tostring(one, encoding="unicode", with_tail=False) for one in self._foreign()),
            '<xsl:template match="/"><carnet-svrl:schematron-output>',
            *(self._pattern(number, pattern) for number, pattern in enumerate(self.patterns)),
            "</carnet-svrl:schematron-output></xsl:template>",
        ]
        if self.patterns:  # `deep-skip` goes on below a document all the same
            modes = " ".join(f"m{number}" for number in range(len(self.patterns)))
            parts.append(f'<xsl:template match="document-node()" mode="{modes}" priority="-1"/>')
        for number, pattern in enumerate(self.patterns):
            parts.append(f'<xsl:mode name="m{number}" on-no-match="deep-skip"/>')
            rules = [one for one in pattern.iterchildren(S + "rule") if one.get("abstract") != "true"]
            parts += [self._rule(rule, f"m{number}", len(rules) - place) for place, rule in enumerate(rules)]
        parts += self.called.values()
        return "\n".join([*parts, "</xsl:stylesheet>"])

    def _shared(self) -> list[etree._Element]:
        within = [let for pattern in self.patterns for let in pattern.iterchildren(S + "let")]
        return [*self.schema.iterchildren(S + "let"), *within]

    def _globals(self) -> list[str]:
        """Variables of the schema and its patterns, each once: the ISO skeleton makes both global."""
        return list(dict.fromkeys(_variable(one) for one in self._shared()))

    def _foreign(self) -> list[etree._Element]:
        return [one for one in self.schema.iter(X + "key", X + "function") if one.getparent() is not None]

    def _pattern(self, number: int, pattern: etree._Element) -> str:
        contexts = [one.get("context", "") for one in pattern.iterchildren(S + "rule")]
        if not any(contexts):
            return ""
        nodes = "/ | //* | //@*" if any(map(_meets_attributes, contexts)) else "/ | //*"
        name = pattern.get("id") or "".join(pattern.findtext(S + "title") or "").strip()
        return (
            f'<carnet-svrl:active-pattern{_static(id=name)}/><xsl:apply-templates select="{nodes}" mode="m{number}"/>'
        )

    def _rule(self, rule: etree._Element, mode: str, priority: int) -> str:
        return (
            f'<xsl:template mode="{mode}" priority="{priority}" match={quoteattr(rule.get("context", ""))}>'
            f"<carnet-svrl:fired-rule{_static(id=rule.get('id', ''))}/>"
            f"<xsl:try>{self._body(rule, ())}<xsl:catch>"
            f'<{PREFIX}:stopped code="{{local-name-from-QName($carnet-err:code)}}"{_static(rule=rule.get("id", ""))}/>'
            "</xsl:catch></xsl:try></xsl:template>"
        )

    def _body(self, rule: etree._Element, above: tuple[str, ...], outer: frozenset[str] = frozenset()) -> str:
        """What a rule tests, `outer` being the variables of a rule that it is written into.

        The ISO skeleton writes extended rules in, where each may name variables of the other, or hide them: so is it
        done here for those that do. All others are called.
        """
        parts = []
        own = _lets(rule) | outer
        for child in rule:
            if child.tag == S + "let":
                parts.append(_variable(child))
            elif child.tag in (S + "assert", S + "report"):
                parts.append(_spoken(child))
            elif child.tag == S + "extends":
                name = child.get("rule", "")
                if name not in self.rules or name in above:
                    continue
                extended, reach = self.rules[name], self._reach(name)
                apart = reach is not None and not (_named(rule) & reach.lets or reach.free & own)
                if apart and reach is not None and reach.free <= self.shared and not outer:
                    parts.append(f'<xsl:call-template name="{self._template(name)}"/>')
                else:
                    parts.append(self._body(extended, (*above, name), own))
        return "".join(parts)

    def _template(self, name: str) -> str:
        template = f"r{list(self.rules).index(name)}"
        if name not in self.called:
            self.called[name] = ""
            body = self._body(self.rules[name], (name,))
            self.called[name] = f'<xsl:template name="{template}">{body}</xsl:template>'
        return template

    def _reach(self, name: str, above: tuple[str, ...] = ()) -> _Reach | None:
        """The variables of an abstract rule and of those it extends; None when it comes back to itself."""
        if name in above:
            return None
        rule = self.rules[name]
        lets, free = _lets(rule), _named(rule) - _lets(rule)
        for extended in (one.get("rule", "") for one in rule.iterchildren(S + "extends")):
            if extended in self.rules:
                further = self._reach(extended, (*above, name))
                if further is None:
                    return None
                lets, free = lets | further.lets, free | further.free
        return _Reach(lets, free)


class _Reach(NamedTuple):
    lets: frozenset[str]
    free: frozenset[str]
    """Named and not defined; those of `for` and `some` count too, which only costs room."""


def _lets(rule: etree._Element) -> frozenset[str]:
    return frozenset(one.get("name", "") for one in rule.iterchildren(S + "let"))


def _named(rule: etree._Element) -> frozenset[str]:
    values = (str(value) for child in rule for one in child.iter() for value in one.attrib.values())
    return frozenset(name for value in values for name in variables(value))


def _variable(let: etree._Element) -> str:
    return f"<xsl:variable name={quoteattr(let.get('name', ''))} select={quoteattr(let.get('value') or '()')}/>"


def _spoken(one: etree._Element) -> str:
    """An assertion or a report, with its sentence."""
    holds = one.tag == S + "assert"
    test = one.get("test", "")
    told = "failed-assert" if holds else "successful-report"
    said = {name: one.get(name, "") for name in ("id", "role", "flag", "see")}
    return (
        f"<xsl:if test={quoteattr(f'not({test})' if holds else test)}>"
        f'<carnet-svrl:{told}{_static(**said)} location="{{path(.)}}">'
        f"<carnet-svrl:text>{_sentence(one)}</carnet-svrl:text></carnet-svrl:{told}></xsl:if>"
    )


def _sentence(one: etree._Element) -> str:
    parts = [_text(one.text or "")]
    for name in one.iterchildren(S + "name"):
        shown = f"name({name.get('path')})" if name.get("path") else "name(.)"
        parts += [f"<xsl:value-of select={quoteattr(shown)}/>", _text(name.tail or "")]
    return "".join(parts)


def _text(text: str) -> str:
    if not text.strip():
        return ""
    folded = re.sub(r"[ \t\r\n]+", " ", text)
    return f"<xsl:text>{escape(folded)}</xsl:text>"


def _static(**attributes: str) -> str:
    """Attributes of an element of the result; braces would be expressions there."""
    return "".join(
        f" {name}={quoteattr(value.replace('{', '{{').replace('}', '}}'))}"
        for name, value in attributes.items()
        if value
    )


def _meets_attributes(context: str) -> bool:
    """Whether a context may be an attribute: one stands outside its predicates."""
    depth, outside = 0, []

    def seen(text: str) -> str:
        nonlocal depth
        for character in text:
            depth += {"[": 1, "]": -1}.get(character, 0)
            if not depth:
                outside.append(character)
        return text

    outside_literals(context, seen)
    said = "".join(outside)
    return "@" in said or "attribute" in said
