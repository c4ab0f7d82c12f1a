"""Splits the body of a collection into its items while it arrives: every item as the bytes that were sent.

A reader holds one piece of the body and one item, however long the collection is. What is not an item (links, a
token, a count) is the rest. Other documents with one long list are read in the same way. Pure.
"""

import codecs
import json
from collections.abc import Iterator
from functools import cache

from worker.partner_center.answers.exact_json import NotJson, loads

ITEMS = "items"
LARGEST = 1024 * 1024
"""Largest number of characters of one item, and of one member beside the items."""
_SPACE = " \t\n\r"
_CLOSED = frozenset('}]"')
_BEHIND = frozenset(f"{_SPACE},]}}")


class ItemSplitter:
    """Reads one collection: an object with `items` in any case, or a bare list. Or an object with another list."""

    def __init__(self, items: str = ITEMS, inside: str | None = None) -> None:
        """`items`: the name of the list, in lower case. Only a collection can be a bare list.

        `inside`: the name, in lower case, of a member that is an object and may have the list in place of the whole.
        """
        self._items = items
        self._inside = inside
        self.rest: dict[str, object] = {}
        """The members beside the items, complete when `end` has returned."""
        self.found = False
        """Whether there is a list of items, even an empty one."""
        self.around: dict[str, object] = self.rest
        """The members of the object that the list stands in."""
        self._members = self.rest
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._text = ""
        self._at = 0
        self._enclosing: list[str] = []
        """What has begun and not ended: `{` for the object, `[` for the list of items."""
        self._begun = self._after_value = False
        self._key: str | None = None

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The items that end in this piece of the body, each on one line. Null is no item. Raises `NotJson`."""
        try:
            self._text = self._text[self._at :] + self._decode(piece)
            self._at = 0
            while (item := self._next()) is not None:
                if item:
                    yield item.replace("\n", "").replace("\r", "").encode()
        except (ValueError, RecursionError) as error:
            raise NotJson("not JSON in UTF-8") from error
        if len(self._text) - self._at > LARGEST:
            raise NotJson("one part of it is too large, or no JSON")

    def end(self) -> None:
        """The body has ended. Raises `NotJson` if it is not complete."""
        try:
            self._decode(b"", final=True)
        except ValueError as error:
            raise NotJson("cut inside a character") from error
        if not self._begun or self._enclosing or self._text[self._at :].strip(_SPACE):
            raise NotJson("cut, or more than one value")

    def _next(self) -> str | None:
        """The text of the next item, empty where something else was read. None: more of the body is needed."""
        self._skip_space()
        if self._at >= len(self._text):
            return None
        char = self._text[self._at]
        if not self._begun:
            return self._begin(char)
        if not self._enclosing:
            raise ValueError("more than one value")
        if self._key is None and char == {"{": "}", "[": "]"}[self._enclosing[-1]]:
            return self._close()
        if self._after_value:
            return self._comma(char)
        if self._enclosing[-1] == "[":
            return self._item()
        return self._member() if self._key is None else self._value(char)

    def _begin(self, char: str) -> str:
        if char == "\ufeff":
            self._at += 1
            return ""
        if char not in ("{[" if self._items == ITEMS else "{"):
            raise ValueError("no collection")
        self._begun, self.found = True, char == "["
        return self._open(char)

    def _open(self, char: str) -> str:
        self._enclosing.append(char)
        self._after_value = False
        self._at += 1
        return ""

    def _close(self) -> str:
        self._enclosing.pop()
        if len(self._enclosing) == 1:
            self._members = self.rest
        self._after_value = True
        self._at += 1
        return ""

    def _comma(self, char: str) -> str | None:
        if char != ",":
            raise ValueError("no comma")
        at = self._at
        self._at += 1
        self._skip_space()
        if self._at >= len(self._text):  # a comma must be followed by something: it is read together with that
            self._at = at
            return None
        if self._text[self._at] in "}]":
            raise ValueError("nothing behind a comma")
        self._after_value = False
        return ""

    def _member(self) -> str | None:
        """Read a name with its colon: together, so that nothing is remembered of a name that is cut."""
        at = self._at
        raw = self._raw()
        self._skip_space()
        if raw is None or self._at >= len(self._text):
            self._at = at
            return None
        if not raw.startswith('"') or self._text[self._at] != ":":
            raise ValueError("no name of a member")
        self._key = str(loads(raw.encode()))
        self._at += 1
        return ""

    def _value(self, char: str) -> str | None:
        name = (self._key or "").lower()
        if name == self._items and char == "[":
            self._key, self.found, self.around = None, True, self._members
            return self._open(char)
        if name == self._inside and char == "{" and self._members is self.rest:
            self.rest[self._key or ""] = self._members = {}
            self._key = None
            return self._open(char)
        raw = self._raw()
        if raw is None:
            return None
        self._members[self._key or ""] = loads(raw.encode())
        self._key, self._after_value = None, True
        return ""

    def _item(self) -> str | None:
        raw = self._raw()
        if raw is None:
            return None
        self._after_value = True
        return "" if raw == "null" else raw

    def _raw(self) -> str | None:
        """The text of the JSON value that begins here. None if it does not end in what has arrived."""
        try:
            _, end = _scanner().raw_decode(self._text, self._at)
        except json.JSONDecodeError:
            return None  # it is cut, or no JSON: the end of the body tells
        if self._text[end - 1] not in _CLOSED and self._text[end : end + 1] not in _BEHIND:
            return None  # a number may go on
        begin, self._at = self._at, end
        return self._text[begin:end]

    def _skip_space(self) -> None:
        text, at = self._text, self._at
        while at < len(text) and text[at] in _SPACE:
            at += 1
        self._at = at


@cache
def _scanner() -> json.JSONDecoder:
    """Finds the end of a value, and refuses what is no JSON. Its values are not used."""
    return json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=_refuse)


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")
