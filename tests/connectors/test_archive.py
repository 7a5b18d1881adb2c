"""The one way into a zip: what is listed, what is refused, and members that are what was announced."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.archive import Member, Unsafe, intact, members
from connectors.base import Damaged, Locator, Source
from tests.cda import cda
from tests.hostile import ARCHIVES, raw_zip, zip64_lie
from tests.xdm import zipped

FILES: dict[str, str | bytes] = {"a.xml": cda("1"), "été/b.xml": cda("2"), "vide.txt": b""}


def listed(data: bytes) -> list[Member]:
    found = members(Source.of_bytes("x.zip", data))
    assert not isinstance(found, Unsafe)
    return found


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_are_what_was_packed_and_their_spans_cover_the_file(method: int) -> None:
    data = zipped(FILES, method)
    found = listed(data)
    assert {member.name: member.source.read() for member in found} == FILES
    assert [member.number for member in found] == [1, 2, 3]
    spans = [member.span for member in found]
    assert spans[0].start == 0 and [one.end for one in spans[:-1]] == [one.start for one in spans[1:]]
    assert spans[-1].end == data.index(b"PK\x01\x02")


class Piped(io.BytesIO):
    """A stream that can't go back, as a web server writes to."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise io.UnsupportedOperation

    def seek(self, offset: int, whence: int = 0) -> int:
        raise io.UnsupportedOperation


def test_archives_written_to_a_pipe_and_zip64_ones_are_read() -> None:
    piped = Piped()
    with zipfile.ZipFile(piped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.xml", cda("1"))
        archive.writestr("b.xml", cda("2"))
    large = io.BytesIO()
    with zipfile.ZipFile(large, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, document in (("a.xml", cda("1")), ("b.xml", cda("2"))):
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(document)
    for data in (piped.getvalue(), large.getvalue()):
        assert [member.source.read() for member in listed(data)] == [cda("1"), cda("2")]


def test_the_records_of_zip64_are_read_where_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [member.source.read() for member in listed(zip64_lie())] == [cda("1")], "two end records that agree"
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
    data = zipped(FILES)
    assert b"PK\x06\x06" in data and (0xFFFFFFFF).to_bytes(4, "little") in data
    assert {member.name: member.source.read() for member in listed(data)} == FILES
    cut = bytearray(data)
    at = cut.index((1).to_bytes(2, "little"), cut.index(b"PK\x01\x02") + 46)
    cut[at] = 9  # the field that holds the large sizes is gone
    assert isinstance(members(Source.of_bytes("x", bytes(cut))), Unsafe)


def test_names_are_read_as_cp437_or_utf_8_as_the_archive_says() -> None:
    data = bytearray(zipped({"xxx.xml": b"1"}))
    for at in (data.index(b"xxx"), data.rindex(b"xxx")):
        data[at : at + 3] = b"\x82t\x82"
    assert [member.name for member in listed(bytes(data))] == ["été.xml"]
    assert [member.name for member in listed(zipped({"été.xml": b"1"}))] == ["été.xml"]


def test_a_member_can_be_read_twice_back_and_forth() -> None:
    text = b"".join(b"%06d" % n for n in range(100_000))
    (member,) = listed(zipped({"a": text}))
    with member.source.open() as stream:
        stream.seek(300_000)
        assert stream.read(6) == b"050000"
        stream.seek(0)
        assert stream.read() == text
    assert intact(member.source)


def test_a_member_that_was_changed_is_not_intact() -> None:
    data = bytearray(zipped({"a.xml": cda("1")}, zipfile.ZIP_STORED))
    data[data.index(b"Biochimie")] ^= 1
    (member,) = listed(bytes(data))
    assert not intact(member.source)
    with pytest.raises(Damaged):
        member.source.read()


def test_an_empty_archive_has_no_members() -> None:
    assert listed(zipped({})) == []
    assert listed(raw_zip(b"", [])) == []


@pytest.mark.parametrize("name", ["three levels", "ten levels", "a fan of archives", "two names for one entry"])
def test_what_only_shows_inside_is_left_to_the_pipeline(name: str) -> None:
    assert listed(ARCHIVES[name]())


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5000), st.binary(min_size=1, max_size=6)), max_size=4), st.integers(0, 40))
def test_a_changed_archive_is_unsafe_damaged_or_whole_never_an_error(
    changes: list[tuple[int, bytes]], cut: int
) -> None:
    data = bytearray(zipped(FILES))
    for at, put in changes:
        data[at % len(data) : at % len(data) + len(put)] = put
    found = members(Source.of_bytes("x", bytes(data[: len(data) - cut])))
    if not isinstance(found, Unsafe):
        for member in found:
            intact(member.source)


def test_a_place_in_nested_containers_names_each_of_them() -> None:
    inner = Locator(member=5, message=2, segment="PID")
    assert str(inner.within(Locator(member=3)).within(Locator(member=1))) == "member 1/3/5, message 2, PID"
    assert str(Locator(line=4).within(Locator(member=3)).within(Locator(member=1))) == "member 1/3, line 4"
    assert str(Locator(message=1).within(Locator())) == "message 1"
