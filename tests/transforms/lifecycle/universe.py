"""Random lists of events in a world so small that collisions are the rule: 4 ids, 2 patients, 2 organisations,
3 versions, 2 sets. Equal bytes give equal facts: the digest is written from the content.

`events` mixes everything; `versions` and `relatives` are narrower worlds where links and versions, or patients, collide
in nearly every draw."""

from __future__ import annotations

from hypothesis import strategies as st

IDS, PATIENTS, ORGANISATIONS, DAYS = "1234", "PQ", "AB", ("2024-01-01", "2024-02-01", "2024-02", "2024-03-01")
NUMBERS = st.integers(1, 3)
FLAGS = st.sampled_from(["-", "PS", "PAT", "PS,PAT"])


@st.composite
def documents(draw: st.DrawFn, id_: str) -> str:
    """A document as a fact: what stands in its bytes."""
    others = sorted(draw(st.sets(st.sampled_from(IDS), max_size=2)))
    content = {
        "v": str(draw(NUMBERS)),
        "set": draw(st.sampled_from("SSST-")),
        "by": draw(st.sampled_from("AAAB")),
        "of": draw(st.sampled_from("PPPQ")),
        "day": draw(st.sampled_from(DAYS)),
    }
    level = draw(st.sampled_from(["N1", "N3"]))
    name = f"{id_}/{level}" if draw(st.booleans()) else id_
    options = " ".join(f"{key}={value}" for key, value in content.items())
    extra = draw(st.sampled_from(["", "", "", " unsound", " discordant"]))
    digest = "".join((*content.values(), level, *others, extra.strip()[:1]))
    replaced = f" >{','.join(others)}" if others else ""
    return f"doc {name} level={level} bytes={digest} {options}{replaced}{extra}"


@st.composite
def results(draw: st.DrawFn) -> str:
    content = f"time={draw(NUMBERS)} status={draw(st.sampled_from('PFCX'))} of={draw(st.sampled_from('PPQ'))}"
    return f"result r{content.replace(' ', '').replace('=', '')} set=R {content}"


@st.composite
def others(draw: st.DrawFn) -> str:
    """Any event that carries no document."""
    id_, number = draw(st.sampled_from(IDS)), draw(NUMBERS)
    whose = f"by={draw(st.sampled_from('AAB'))} of={draw(st.sampled_from('PPQ'))}"
    code = draw(
        st.sampled_from(["IDENTITY_NOT_QUALIFIED", "REPLACE_NOT_AUTHOR", "OPERATOR_HOLD", "IDENTITY_DISCORDANT"])
    )
    scope = draw(st.sampled_from(["", " by=A"]))
    patients = draw(st.sampled_from(["P Q", "Q P", "P R", "Q R"]))
    return draw(
        st.sampled_from(
            [
                f"delete {id_} {whose}",
                f"delete S v={number} {whose}",
                f"twin {id_} {draw(st.sampled_from([other for other in IDS if other != id_]))}",
                f"mask {id_} {draw(FLAGS)} {whose} at={10 * number}",
                f"oppose {draw(st.sampled_from(DAYS))}{scope}",
                f"withdraw {draw(st.sampled_from(DAYS))}{scope}",
                f"merge {patients} at={number}",
                f"unmerge {patients} at={number}",
                f"qualify {draw(st.sampled_from('PQR'))} ins={draw(st.sampled_from('12'))}",
                f"hold {id_} n={number}",
                f"release {id_} {code} n={number}",
            ]
        )
    )


@st.composite
def events(draw: st.DrawFn, conflicts: bool = True) -> list[str]:
    """Up to 9 events: documents (some carried twice, in other words), results, and what is said about them."""
    known = [draw(documents(id_)) for id_ in IDS for _ in range(draw(st.integers(1, 2)) if conflicts else 1)]
    carried = draw(st.lists(st.sampled_from(known), min_size=2, max_size=5))
    said = st.builds(
        lambda flags, at, via, modif: f"mask={flags.strip('-')} at={at} via={via}{modif}",
        FLAGS,
        st.sampled_from(["", "1", "10", "25"]),
        st.sampled_from(["hl7", "mail"]),
        st.sampled_from(["", " modif"]),
    )
    # A carrier is one fact: what (document, channel) says is drawn once.
    words: dict[str, str] = {}
    for line in carried:
        words.setdefault(line, draw(said))
    found = [f"{line} {words[line]}" for line in carried]
    found += draw(st.lists(st.one_of(others(), others(), others(), results()), max_size=4))
    return draw(st.permutations(found))


@st.composite
def versions(draw: st.DrawFn, masks: bool = False, strangers: bool = False) -> list[str]:
    """Documents that replace each other, mostly in one set: of one author and patient, or of several (strangers)."""
    found = []
    for id_ in draw(st.permutations("123456"))[: draw(st.integers(3, 6))]:
        replaced = sorted(draw(st.sets(st.sampled_from("123456"), max_size=2)))
        link = f" >{','.join(replaced)}" if replaced and draw(st.booleans()) else ""
        fate = f" mask={draw(FLAGS).strip('-')}" if masks else draw(st.sampled_from(["", "", "", " unsound"]))
        whose = f" by={draw(st.sampled_from('AB'))} of={draw(st.sampled_from('PPQ'))}" if strangers else ""
        found.append(f"doc {id_} v={draw(st.integers(1, 4))} set={draw(st.sampled_from('SSST'))}{whose}{link}{fate}")
    return found


@st.composite
def relatives(draw: st.DrawFn) -> list[str]:
    """Documents of three patients in one set, merged and un-merged, qualified and opposed, one event at a time."""
    found = []
    for id_ in draw(st.permutations(IDS))[: draw(st.integers(2, 4))]:
        place = f"v={draw(NUMBERS)} set={draw(st.sampled_from('SSS-'))} of={draw(st.sampled_from('PQR'))}"
        twin = draw(st.sampled_from(["", "", " level=N3"]))
        fate = draw(st.sampled_from(["", " unsound", " unsound also=Q", " unsound also=R"]))
        found.append(f"doc {id_} {place}{twin}{fate}")
    about = st.sampled_from(
        [
            *(f"{verb} {pair} at={at}" for verb in ("merge", "unmerge") for pair in ("P Q", "Q R") for at in (1, 2)),
            *(f"qualify {patient} ins={ins}" for patient in "PQR" for ins in (1, 2)),
            *(f"oppose 2024-01-01 of={patient}" for patient in "PQR"),
            *(f"withdraw 2024-01-01 of={patient}" for patient in "PQR"),
            *(f"delete {id_} of={patient}" for id_ in "12" for patient in "PQ"),
            *(f"delete S v=1 of={patient}" for patient in "PQ"),
            *(f"twin {a} {b}" for a, b in ("12", "23", "13")),
        ]
    )
    return draw(st.permutations(found + draw(st.lists(about, min_size=1, max_size=5, unique=True))))
