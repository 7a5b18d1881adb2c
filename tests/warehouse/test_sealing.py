"""What is sealed opens for its owner under its name, and for nobody else."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.keys import FileKeys, KeysDoNotFit, Names, OwnerKeys, new_key
from warehouse.seal import DoesNotOpen, seal, unseal
from warehouse.store import Store

KEYS, OTHER = OwnerKeys(new_key()), OwnerKeys(new_key())


@given(plain=st.binary(max_size=2000))
def test_what_is_sealed_comes_back(plain: bytes) -> None:
    assert unseal(KEYS, "p", "o", seal(KEYS, "p", "o", plain)) == plain


@pytest.mark.parametrize(("keys", "owner", "name"), [(OTHER, "p", "o"), (KEYS, "q", "o"), (KEYS, "p", "x")])
def test_another_key_owner_or_name_does_not_open(keys: OwnerKeys, owner: str, name: str) -> None:
    with pytest.raises(DoesNotOpen):
        unseal(keys, owner, name, seal(KEYS, "p", "o", b"secret"))


def test_every_altered_byte_is_noticed() -> None:
    sealed = seal(KEYS, "p", "o", b"secret" * 50)
    for at in range(len(sealed)):
        altered = bytearray(sealed)
        altered[at] ^= 1
        with pytest.raises(DoesNotOpen):
            unseal(KEYS, "p", "o", bytes(altered))


def test_threads_seal_at_once_without_mixing(tmp_path: Path) -> None:
    failures: list[int] = []

    def work(number: int) -> None:
        for turn in range(50):
            plain = bytes([number]) * (2000 + turn)
            if unseal(KEYS, "p", "o", seal(KEYS, "p", "o", plain)) != plain:
                failures.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_home_does_not_open_with_other_keys(tmp_path: Path) -> None:
    Store(tmp_path / "home", FileKeys(tmp_path / "keys" / "root.key"))
    with pytest.raises(KeysDoNotFit):
        Store(tmp_path / "home", FileKeys(tmp_path / "others" / "root.key"))


def test_the_root_key_is_private_and_made_once(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "root.key"
    one, other = FileKeys(path), FileKeys(path)
    assert one.index_key() == other.index_key()
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in path.parent.iterdir()] == ["root.key"]


def test_names_tell_kinds_and_parts_apart() -> None:
    names = Names(new_key())
    assert names.name("a", "b", "c") != names.name("a", "bc") != names.name("ab", "c")
    assert names.name("a", "b") == names.name("a", "b")
    assert Names(new_key()).name("a", "b") != names.name("a", "b")
