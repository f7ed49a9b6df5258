import json
from contextlib import suppress

import pytest
import yaml
from cmf_core.errors import BadRequest, NotAcceptable, UnsupportedMediaType
from cmf_hub.api.encoding import JSON, YAML, accepted, decode, encode
from hypothesis import given
from hypothesis import strategies as st

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_json_is_read_as_it_was_written(value: object) -> None:
    try:
        body = json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    assert decode(body, JSON) == value


@given(st.dictionaries(st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1), VALUES, max_size=4))
def test_an_answer_in_yaml_says_the_same_as_in_json(value: dict[str, object]) -> None:
    try:
        text = json.dumps(value, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:
        return
    assert yaml.safe_load(encode(text, YAML)) == json.loads(encode(text, JSON))


@given(st.binary())
def test_any_bytes_are_a_value_or_a_bad_request(body: bytes) -> None:
    for media in (JSON, YAML):
        with suppress(BadRequest):
            assert json.dumps(decode(body, media), allow_nan=False, ensure_ascii=False).encode()


def test_yaml_becomes_what_json_can_carry() -> None:
    text = b"when: 2024-01-01\n8: eight\ntrue: yes\nlist: &list [1.5, null]\nagain: *list\n"
    assert decode(text, "application/yaml; charset=utf-8") == {
        "when": "2024-01-01",
        "8": "eight",
        "true": True,
        "list": [1.5, None],
        "again": [1.5, None],
    }


LAUGHS = [
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n".encode()
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
]


@pytest.mark.parametrize(
    ("body", "media", "why"),
    [
        (b"", JSON, "no body"),
        (b"{", JSON, "not valid JSON"),
        (b'{"a": NaN}', JSON, "NaN"),
        (b'{"a": 1e999}', JSON, "inf"),
        (b'{"a": "\\ud800"}', JSON, "surrogate"),
        (b"[" * 200 + b"]" * 200, JSON, "nested"),
        (b"[" * 100_000, JSON, "JSON"),
        (b"a: .nan", YAML, "nan"),
        (b"a: &a [1,1,1,1]\n" + b"".join(LAUGHS), YAML, "more than 200000 values"),
        (b"a: &a {b: 1}\nc: {<<: *a}", YAML, "merge key"),
        (b"a: &a [*a]", YAML, "nested"),
        (b"a: [", YAML, "not valid YAML"),
        (b"[" * 200 + b"]" * 200, YAML, "nested"),
        (b"a: !!binary aGk=", YAML, "bytes"),
        (b"? [1, 2]\n: x", YAML, "not valid YAML"),
        (b"a: !!python/object:os.system x", YAML, "not valid YAML"),
    ],
)
def test_what_is_no_plain_value_is_refused(body: bytes, media: str, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        decode(body, media)


def test_other_bodies_are_unsupported() -> None:
    with pytest.raises(UnsupportedMediaType, match=r"text/html.*application/json or application/yaml"):
        decode(b"<p>", "text/html")


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/json", JSON),
        ("application/yaml", YAML),
        ("text/yaml", YAML),
        ("application/yaml, application/json;q=0.5", YAML),
        ("application/yaml;q=0.1, application/json;q=0.5", JSON),
        ("text/html, application/xhtml+xml, */*;q=0.1", JSON),
    ],
)
def test_the_caller_chooses_the_form(accept: str | None, media: str) -> None:
    assert accepted(accept) == media


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "image/*"])
def test_what_cannot_be_served_is_refused(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        accepted(accept)
