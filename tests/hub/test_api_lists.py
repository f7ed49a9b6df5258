"""The grammar of lists; what they do with it is in test_api_*.py against a running hub."""

import json
from typing import Any

import pytest
from cmf_core.errors import BadRequest
from cmf_hub.api.filters import parse_filter, parse_search
from cmf_hub.api.listing import Listing, page_request
from cmf_hub.services import Page
from cmf_hub.store import Condition, Order
from starlette.datastructures import QueryParams

WORDS = {"phase": ("status", "phase")}
PHASE = (("status", "phase"),)


def label(key: str) -> tuple[tuple[str, ...], ...]:
    return (("metadata", "labels", key),)


@pytest.mark.parametrize(
    ("text", "conditions"),
    [
        ("name=foo*bar", [Condition((("name",),), "like", ("foo*bar",))]),
        ("labels.team = red", [Condition(label("team"), "in", ("red",))]),
        ("labels.team!=red", [Condition(label("team"), "notin", ("red",))]),
        ("labels.team in (a, b)", [Condition(label("team"), "in", ("a", "b"))]),
        ("labels.team notin (a,b)", [Condition(label("team"), "notin", ("a", "b"))]),
        ("labels.example.com/team", [Condition(label("example.com/team"), "exists")]),
        ("!labels.team", [Condition(label("team"), "absent")]),
        ("name=Upper_Case", [Condition((("name",),), "like", ("Upper_Case",))]),
        ("name != a", [Condition((("name",),), "notin", ("a",))]),
        ("name in (a, b)", [Condition((("name",),), "in", ("a", "b"))]),
        ("labels.team = on call", [Condition(label("team"), "in", ("on call",))]),
        ("labels.mail in (a@b.example, é/ü:1)", [Condition(label("mail"), "in", ("a@b.example", "é/ü:1"))]),
        ("labels.team =", [Condition(label("team"), "in", ("",))]),
        ("phase=PENDING", [Condition(PHASE, "in", ("PENDING",))]),
        ("phase in (PENDING, RUNNING)", [Condition(PHASE, "in", ("PENDING", "RUNNING"))]),
        ("phase notin (FAILED)", [Condition(PHASE, "notin", ("FAILED",))]),
        (
            "name=foo*bar,labels.environment in (production, qa),!labels.development",
            [
                Condition((("name",),), "like", ("foo*bar",)),
                Condition(label("environment"), "in", ("production", "qa")),
                Condition(label("development"), "absent"),
            ],
        ),
    ],
)
def test_filter_expressions(text: str, conditions: list[Condition]) -> None:
    assert parse_filter(text, WORDS) == conditions


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name=",
        "state=RUNNING",
        "phase",
        "labels.",
        "labels.a in (",
        ",",
        "labels.a=b=c",
        "labels.a in (a,(b))",
    ],
)
def test_what_is_no_filter_expression_is_refused_with_the_ones_there_are(text: str) -> None:
    with pytest.raises(BadRequest, match="filter"):
        parse_filter(text, WORDS)


def test_search_needs_both_halves_and_known_fields() -> None:
    scopes = {"name": ("name",), "statement": ("spec", "statement")}
    assert parse_search(None, None, scopes) == []
    assert parse_search("x", "name, statement", scopes) == [
        Condition((("name",), ("spec", "statement")), "contains", ("x",))
    ]
    with pytest.raises(BadRequest, match="together"):
        parse_search("x", None, scopes)
    with pytest.raises(BadRequest, match="together"):
        parse_search(None, "name", scopes)
    with pytest.raises(BadRequest, match=r"'owner' is not supported \(supported: name, statement\)"):
        parse_search("x", "owner", scopes)


def request(query: str, **listing: Any) -> Any:
    return page_request(QueryParams(query), Listing("Statement", **listing), "env", default_size=100, max_size=1000)


def test_a_page_number_is_one_that_clients_can_read() -> None:
    assert request("page=99999999999999999999").page == 2**31 - 1


def test_pages_are_cut_from_the_query() -> None:
    asked = request("page=3&size=20")
    assert (asked.query.limit, asked.query.offset) == (20, 60)
    assert (request("").query.limit, request("").query.offset) == (100, 0)
    assert request("size=100000").query.limit == 1000


@pytest.mark.parametrize(
    "query", ["page=-1", "page=x", "size=0", "size=-5", "size=1e3", "page=", "size=", "page=%2B1", "size=%C2%B2"]
)
def test_what_is_no_page_is_refused(query: str) -> None:
    with pytest.raises(BadRequest, match="whole number"):
        request(query)


def test_sorts_are_taken_in_their_order() -> None:
    asked = request("sort=metadata.name,desc&sort=creationTimestamp")
    assert asked.query.order == [Order(("name",), descending=True), Order(("metadata", "creationTimestamp"))]
    with pytest.raises(BadRequest, match=r"sort property 'spec\.image' is not supported"):
        request("sort=spec.image")
    with pytest.raises(BadRequest, match="neither asc nor desc"):
        request("sort=name,up")


def test_an_answer_says_how_many_there_are_and_which_page_it_is() -> None:
    answer = json.loads(request("size=2&sort=name").answer(Page(['{"a":1}', '{"a":2}'], 5)))
    assert answer == {
        "metadata": {"size": 5},
        "pageable": {"page": 0, "size": 2, "sort": {"sorted": True, "unsorted": False, "empty": False}},
        "items": [{"a": 1}, {"a": 2}],
    }


def test_fields_keep_what_was_asked_for_and_what_a_resource_is() -> None:
    item = {"apiVersion": "v", "kind": "K", "metadata": {"name": "n", "uid": "u"}, "status": {"phase": "P", "x": 1}}
    answer = json.loads(request("fields=metadata.name,status.phase,spec.none").answer(Page([json.dumps(item)], 1)))
    assert answer["items"] == [{"apiVersion": "v", "kind": "K", "metadata": {"name": "n"}, "status": {"phase": "P"}}]


@pytest.mark.rule("D8")
def test_a_page_may_have_a_kind_of_its_own() -> None:
    answer = json.loads(request("", page_kind="StatementsPage").answer(Page([], 0)))
    assert (answer["apiVersion"], answer["kind"]) == ("cmf.confluent.io/v1", "StatementsPage")
