"""Where a body is divided does not matter to its items."""

import json
import random

import pytest

from worker.partner_center.answers.exact_json import NotJson, loads
from worker.partner_center.answers.item_splitter import ItemSplitter

BODY = (
    '\ufeff{"continuationToken": "AQ,/+=", "totalCount": 12, "ITEMS" : [ {"a": [1, {"b": "]}"}], "ä€😀": "\\"\\\\"},'
    '\n 17 , -1.50E+3, null,[], "x,]" ,{"n":0.10} ] ,"links": {"next": {"uri": "/x?size=2"}}, "more": 3.50 }\r\n'
).encode()


def split(body: bytes, *cuts: int) -> tuple[list[bytes], dict[str, object]]:
    """The items and the rest of a body that arrives in these pieces."""
    splitter, found, begin = ItemSplitter(), [], 0
    for end in (*cuts, len(body)):
        found += splitter.feed(body[begin:end])
        begin = end
    splitter.end()
    return found, splitter.rest


def test_any_division_gives_the_same_items() -> None:
    """Also inside a character, a number, an escape or a name."""
    whole = split(BODY)
    assert [loads(item) for item in whole[0]] == [each for each in loads(BODY)["ITEMS"] if each is not None]  # type: ignore[index]
    assert (whole[1]["continuationToken"], str(whole[1]["more"])) == ("AQ,/+=", "3.50")
    for cut in range(len(BODY)):
        assert split(BODY, cut) == whole
    assert split(BODY, *range(len(BODY))) == whole


def test_a_body_that_ends_too_early_is_never_whole() -> None:
    """Wherever it is cut."""
    body = BODY.rstrip()
    for end in range(len(body)):
        with pytest.raises(NotJson):
            split(body[:end])


def test_random_collections_are_what_the_json_parser_reads() -> None:
    """500 seeded collections in random pieces, plain and indented."""
    for seed in range(500):
        dice = random.Random(seed)
        things = [_thing(dice, 3) for _ in range(dice.randrange(6))]
        body = json.dumps({"items": things, "totalCount": len(things)}, indent=dice.choice([None, 1])).encode()
        cuts = sorted(dice.randrange(len(body)) for _ in range(dice.randrange(8)))
        assert [json.loads(item) for item in split(body, *cuts)[0]] == [each for each in things if each is not None]


def _thing(dice: random.Random, depth: int) -> object:
    if depth == 0 or dice.random() < 0.4:
        return dice.choice([None, True, 12, -3.5, "", 'a"b\\', "é]}", 1e-9])
    if dice.random() < 0.5:
        return [_thing(dice, depth - 1) for _ in range(dice.randrange(4))]
    return {f"k{each}": _thing(dice, depth - 1) for each in range(dice.randrange(4))}


OPERATION = (
    b'{"status": "succeeded", "ResourceLocation": {"id": "m", "Blobs": [{"name": "a"}, null, {"name": "b"}],'
    b' "eTag": "x", "more": {"blobs": [1]}}, "blobs": null, "id": "o"}'
)


def test_another_list_is_found_inside_a_member() -> None:
    """The manifest inside an operation has a list of files. The rest keeps its places, wherever the body is divided."""
    for cut in range(len(OPERATION)):
        splitter = ItemSplitter("blobs", "resourcelocation")
        found = [loads(item) for piece in (OPERATION[:cut], OPERATION[cut:]) for item in splitter.feed(piece)]
        splitter.end()
        assert found == [{"name": "a"}, {"name": "b"}]
        inside = {"id": "m", "eTag": "x", "more": {"blobs": [1]}}
        assert splitter.rest == {"status": "succeeded", "ResourceLocation": inside, "blobs": None, "id": "o"}
        assert splitter.around is splitter.rest["ResourceLocation"]


@pytest.mark.parametrize("body", [b"[]", b'[{"name": "a"}]', b'"x"', b"null", b"1"])
def test_only_a_collection_may_be_a_bare_list(body: bytes) -> None:
    """A document with another list is an object."""
    splitter = ItemSplitter("blobs")

    with pytest.raises(NotJson):
        list(splitter.feed(body))
