"""What a careless reading gets wrong, by name: interpretation, comparator, negation, local codes, times, moods."""

from __future__ import annotations

import pytest

from connectors.statements import Amount, Bound, Concept, Interval, Words
from tests.transforms.content.build import LOINC, content, entry, fact, relation, template
from transforms.content.model import Allergy, Condition, Device, Immunization, Medication, Observation, Other, Report
from transforms.content.read import every_fact, observations

SNOMED = 'codeSystem="2.16.840.1.113883.6.96"'
RESULT = (
    template("80")
    + f'<code code="2951-2" {LOINC} displayName="Sodium"/><statusCode code="completed"/>'
    + '<effectiveTime value="20260105081500+0100"/>'
)


def result(inner: str) -> Observation:
    found = fact(entry(RESULT + inner))
    assert isinstance(found, Observation)
    return found


def test_a_lab_h_stays_h_whatever_its_range_says() -> None:
    found = result(
        '<value xsi:type="PQ" value="151" unit="mmol/L"/><interpretationCode code="H"/><referenceRange>'
        '<observationRange><value xsi:type="IVL_PQ"><low value="136" unit="mmol/L"/><high value="145" unit="mmol/L"/>'
        '</value><interpretationCode code="N"/></observationRange></referenceRange>'
    )
    assert [said.code for said in found.interpretations] == ["H"]
    assert found.ranges[0].interpretation == "N"


def test_a_result_without_an_interpretation_has_none_though_its_range_has() -> None:
    found = result(
        '<value xsi:type="PQ" value="140" unit="mmol/L"/><referenceRange><observationRange>'
        '<interpretationCode code="N"/></observationRange></referenceRange>'
    )
    assert found.interpretations == ()


def test_at_most_one_keeps_its_comparator() -> None:
    found = result('<value xsi:type="IVL_PQ"><high value="1.0" unit="mg/L" inclusive="true"/></value>')
    assert found.values == (Interval(high=Bound("1.0", "mg/L", inclusive=True)),)


def test_below_one_is_not_at_most_one() -> None:
    found = result('<value xsi:type="IVL_PQ"><high value="1.0" unit="mg/L" inclusive="false"/></value>')
    assert found.values == (Interval(high=Bound("1.0", "mg/L", inclusive=False)),)


def test_two_units_are_two_results_and_neither_is_converted() -> None:
    moles = f'{template("80")}<code code="14749-6" {LOINC}/><value xsi:type="PQ" value="5.0" unit="mmol/L"/>'
    mass = f'{template("80")}<code code="2339-0" {LOINC}/><value xsi:type="PQ" value="0.90" unit="g/L"/>'
    found = content(entry(moles) + entry(mass)).facts
    assert [f.values for f in found if isinstance(f, Observation)] == [
        (Amount("5.0", "mmol/L"),),
        (Amount("0.90", "g/L"),),
    ]


def test_a_local_code_never_becomes_loinc() -> None:
    found = fact(
        entry(
            template("80")
            + '<code><originalText>CRP ultrasensible</originalText><translation code="CRPU" codeSystem="1.2.250.9.1"/>'
            '</code><value xsi:type="PQ" value="3" unit="mg/L"/>'
        )
    )
    assert found.code == Concept(text="CRP ultrasensible", translations=(Concept("CRPU", "1.2.250.9.1"),))


def test_a_value_in_words_alone_is_words() -> None:
    found = result('<value xsi:type="CD"><originalText>trouble</originalText></value>')
    assert found.values == (Concept(text="trouble"),)
    assert result('<value xsi:type="ST">limpide</value>').values == (Words("limpide", said_type="ST"),)


def test_a_denied_problem_is_denied() -> None:
    problem = template("37") + f'<code code="282291009" {SNOMED}/><value xsi:type="CD" code="I10" codeSystem="x"/>'
    concern = template("39") + '<statusCode code="active"/>' + relation(problem, negated=True)
    found = fact(entry(concern, "act", 'classCode="ACT" moodCode="EVN"'))
    assert isinstance(found, Condition)
    assert found.negated and found.problem.code == "I10"
    assert (found.concern_status, found.path) == ("active", "1/1.1")


def test_a_vaccine_that_was_not_given_is_denied() -> None:
    said = template("45") + '<code code="IMMUNIZ" codeSystem="2.16.840.1.113883.5.4"/><effectiveTime value="2026"/>'
    found = fact(entry(said, "substanceAdministration", 'classCode="SBADM" moodCode="EVN" negationInd="true"'))
    assert isinstance(found, Immunization)
    assert found.negated


def test_a_treatment_that_is_denied_has_no_use() -> None:
    said = template("42") + "<consumable><manufacturedProduct/></consumable>"
    denied = fact(
        entry(said, "substanceAdministration", 'classCode="SBADM" moodCode="EVN" negationInd="1"'), section="10160-0"
    )
    assert isinstance(denied, Medication)
    assert (denied.negated, denied.use) == (True, "")


@pytest.mark.parametrize(
    ("section", "model", "mood", "use"),
    [
        ("10160-0", "", "EVN", "statement"),
        ("18610-6", "", "EVN", "administered"),
        ("18610-6", "1.2.250.1.213.1.1.1.29", "EVN", "stopped"),
        ("10183-2", "1.2.250.1.213.1.1.1.29", "EVN", "statement"),
        ("57828-6", "", "INT", "prescribed"),
        ("46240-8", "", "INT", "planned"),
        ("46240-8", "", "RQO", "prescribed"),
    ],
)
def test_what_a_line_of_treatment_is_follows_from_its_section_and_its_document(
    section: str, model: str, mood: str, use: str
) -> None:
    said = entry(template("42"), "substanceAdministration", f'classCode="SBADM" moodCode="{mood}"')
    found = fact(said, section=section, model=model)
    assert isinstance(found, Medication)
    assert found.use == use


@pytest.mark.parametrize(
    ("mood", "read_as"), [("EVN", "event"), ("GOL", "goal"), ("INT", "intent"), ("PRP", "proposal")]
)
def test_a_goal_is_no_event(mood: str, read_as: str) -> None:
    said = entry(template("27") + "<value xsi:type='PQ' value='70' unit='kg'/>", "observation", f'moodCode="{mood}"')
    assert fact(said).mood == read_as


def test_a_measure_without_a_time_has_that_of_its_group_and_says_so() -> None:
    weight = f'{template("50")}<code code="29463-7" {LOINC}/><effectiveTime nullFlavor="NASK"/>'
    group = (
        template("49")
        + '<effectiveTime value="202601050815+100"/>'
        + f'<component><observation classCode="OBS" moodCode="EVN">{weight}</observation></component>'
    )
    found = fact(entry(group, "organizer", 'classCode="CLUSTER" moodCode="EVN"'))
    assert isinstance(found, Observation)
    (measure,) = found.members
    assert isinstance(measure, Observation)
    assert (measure.when.at, measure.when.inherited) == ("2026-01-05T08:15+01:00", True)
    assert (found.when.inherited, measure.category) == (False, "vital-signs")


def test_a_date_stays_a_date_and_what_is_no_date_is_marked() -> None:
    assert fact(entry('<effectiveTime value="20260105"/>')).when.at == "2026-01-05"
    assert fact(entry('<effectiveTime value="2026"/>')).when.at == "2026"
    invalid = fact(entry('<effectiveTime value="20260230"/>')).when
    assert (invalid.at, invalid.invalid) == ("", True)


def test_an_earlier_result_is_related_and_no_result_of_the_report() -> None:
    earlier = relation(
        f'<code code="2951-2" {LOINC}/><value xsi:type="PQ" value="139" unit="mmol/L"/>', type_code="REFR"
    )
    found = result('<value xsi:type="PQ" value="151" unit="mmol/L"/>' + earlier)
    assert found.members == ()
    assert [(r.type_code, r.fact.code.code) for r in found.related] == [("REFR", "2951-2")]


def test_who_is_allergic_to_what_with_its_reaction() -> None:
    severity = relation(template("29") + '<code code="SEV"/><value xsi:type="CD" code="6736007"/>')
    reaction = template("37") + '<value xsi:type="CD" code="271807003"/>' + severity
    said = (
        template("41")
        + f'<code code="416098002" {SNOMED}/><value xsi:type="CD"/>'
        + '<participant typeCode="CSM"><participantRole classCode="MANU"><playingEntity><code code="J01C" '
        'codeSystem="2.16.840.1.113883.6.73"/><name>Pénicillines</name></playingEntity></participantRole></participant>'
        + relation(template("172") + '<code code="82606-5"/><value xsi:type="CE" code="high"/>')
        + relation(reaction, type_code="MFST")
    )
    found = fact(entry(template("40") + relation(said), "act", 'classCode="ACT" moodCode="EVN"'))
    assert isinstance(found, Allergy)
    assert (found.agent.code, found.criticality.code, found.related) == ("J01C", "high", ())
    assert [(r.code.code, r.severity.code) for r in found.reactions] == [("271807003", "6736007")]


def test_an_allergy_to_nothing_coded_has_no_agent() -> None:
    said = template("41") + '<value xsi:type="CD"><originalText><reference value="#"/></originalText></value>'
    found = fact(entry(template("40") + relation(said), "act", 'classCode="ACT" moodCode="EVN"'))
    assert isinstance(found, Allergy)
    assert not found.agent


def test_the_organism_and_its_antibiogram_stay_together() -> None:
    drug = f'{template("80")}<code code="18862-3" {LOINC}/><interpretationCode code="R"/>'
    isolate = (
        template("79")
        + '<specimen><specimenRole><specimenPlayingEntity classCode="MIC"><code code="112283007"/>'
        + "</specimenPlayingEntity></specimenRole></specimen>"
        + f'<component><organizer classCode="BATTERY" moodCode="EVN">{template("78")}<code code="18769-0" {LOINC}/>'
        + f'<component><observation classCode="OBS" moodCode="EVN">{drug}</observation></component>'
        + "</organizer></component>"
    )
    inner = (
        f'<entryRelationship typeCode="COMP"><organizer classCode="CLUSTER">{isolate}</organizer></entryRelationship>'
    )
    found = fact(f'<entry>{template("21")}<act classCode="ACT" moodCode="EVN">{inner}</act></entry>', section="18725-2")
    assert isinstance(found, Report)
    assert found.category.code == "18725-2"
    (cluster,) = found.members
    assert isinstance(cluster, Observation)
    assert cluster.organism.code == "112283007"
    (battery,) = cluster.members
    assert isinstance(battery, Observation)
    (line,) = battery.members
    assert isinstance(line, Observation)
    assert [said.code for said in line.interpretations] == ["R"]


def test_the_most_specific_template_chooses_wherever_it_stands() -> None:
    said = "<value xsi:type='CD' code='x'/>"
    for order in (("1.3.6.1.4.1.19376.1.5.3.1.4.13", "41"), ("41", "1.3.6.1.4.1.19376.1.5.3.1.4.13")):
        assert isinstance(fact(entry(template(*order) + said)), Allergy)


def test_an_unknown_template_is_mapped_by_class_and_named() -> None:
    found = content(entry(template("1.2.3.4.5.6.7.8") + '<value xsi:type="PQ" value="1" unit="g"/>'))
    assert isinstance(found.facts[0], Observation)
    assert found.coverage.unknown_templates == ("1.2.3.4.5.6.7.8",)
    assert (found.coverage.classes, found.coverage.templates) == (1, 0)
    assert isinstance(fact(entry("", "act", 'classCode="ACT"')), Other)


def test_coded_observations_are_counted_at_any_depth_and_panels_by_their_members() -> None:
    member = f'{template("50")}<code code="8302-2" {LOINC}/><value xsi:type="PQ" value="170" unit="cm"/>'
    group = (
        template("49") + f'<component><observation classCode="OBS" moodCode="EVN">{member}</observation></component>'
    )
    found = content(entry(group, "organizer", 'classCode="CLUSTER" moodCode="EVN"'))
    assert observations(found) == 1
    assert len(list(every_fact(found.facts))) == 2


def test_the_same_quantity_in_another_unit_is_kept_beside_it() -> None:
    found = result('<value xsi:type="PQ" value="5.0" unit="mmol/L"><translation value="0.90" code="g/L"/></value>')
    assert found.values == (Amount("5.0", "mmol/L", translations=(Amount("0.90", "g/L"),)),)


def test_an_identifier_as_a_value_is_kept() -> None:
    found = result('<value xsi:type="II" root="1.2.250.9.8" extension="A1"/>')
    assert found.values == (Words("1.2.250.9.8^A1", said_type="II"),)


def test_what_the_value_of_an_allergy_says_is_kept_beside_its_agent() -> None:
    agent = (
        '<participant typeCode="CSM"><participantRole classCode="MANU"><playingEntity><code code="7980" '
        'codeSystem="2.16.840.1.113883.6.88"/></playingEntity></participantRole></participant>'
    )
    value = f'<value xsi:type="CD" code="416098002" {SNOMED}/>'
    found = fact(entry(template("41") + value + agent))
    assert isinstance(found, Allergy)
    assert (found.agent.code, found.value.code) == ("7980", "416098002")
    alone = fact(entry(template("41") + value))
    assert isinstance(alone, Allergy)
    assert (alone.agent.code, alone.value) == ("416098002", Concept())


def test_how_long_a_device_is_meant_for_and_how_urgent_a_request_is_are_kept() -> None:
    said = '<repeatNumber value="2"/><expectedUseTime><width value="60" unit="d"/></expectedUseTime>'
    found = fact(entry(template("20") + said, "supply", 'classCode="SPLY" moodCode="RQO"'))
    assert isinstance(found, Device)
    assert (found.repeats, found.lasting.width) == (Amount("2"), Amount("60", "d"))
    urgent = fact(entry(template("27") + '<priorityCode code="UR"/>', attributes='moodCode="RQO"'))
    assert isinstance(urgent, Observation)
    assert urgent.priority.code == "UR"
