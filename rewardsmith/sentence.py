"""Reads a task sentence: whole words, what is asked for, what is ruled out, which way it points."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, get_args

from rewardsmith.records import Record

Direction = Literal["forward", "backward", "left", "right", "up", "down"]

_SYNONYMS: dict[Direction, tuple[str, ...]] = {
    "forward": ("forward", "ahead", "onward"),
    "backward": ("backward", "back", "reverse"),
    "left": ("left", "leftward"),
    "right": ("right", "rightward"),
    "up": ("up", "upward"),
    "down": ("down", "downward"),
}


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# "its left leg" names a limb, not a way to go.
_LIMBS = _set("leg foot arm hand knee thigh ankle wheel side limb")
_NEGATORS = _set(
    "not no never without avoid don't doesn't didn't won't can't cannot mustn't shouldn't "
    "dont doesnt cant nor prevent instead-of rather-than"
)
_PAIRS = (("instead", "of"), ("rather", "than"))
# After these, "from falling" negates: "keep the pole from falling".
_HOLDERS = _set("keep prevent stop refrain save")
# Words that begin a new clause and so end what a negator reaches.
_CLAUSE = _set("but then while whilst yet")
_EMPTY = _set(
    "a an the and or but then while whilst yet just simply also too so of to in on at by for from "
    "with into onto over as than that this these those there it its it's itself them their you "
    "your i me my we is are be being been was do does did make makes making have has having get "
    "let please can could should must may will would want wants need try teach learn learning "
    "train trained task goal robot agent policy ever any some all every each very really much "
    "many more most least less possible possibly way well good best able like when where if who "
    "which what how whole entire own one until till during again only even keep keeps "
    "keeping out off about around through along instead rather"
)
_IRREGULAR = {
    "ran": "run", "stood": "stand", "swung": "swing", "fell": "fall", "fallen": "fall",
    "kept": "keep", "went": "go", "gone": "go", "held": "hold", "spun": "spin", "feet": "foot",
    "lying": "lie", "faster": "fast", "fastest": "fast", "quicker": "quick",
    "quickest": "quick", "higher": "high", "highest": "high", "further": "far",
    "farther": "far", "furthest": "far", "farthest": "far", "slower": "slow", "slowest": "slow",
    "steadily": "steady", "longest": "long", "longer": "long",
}  # fmt: skip
_VOWELS = "aeiouy"


class Word(Record):
    """One word of the sentence."""

    text: str
    """As written, in lower case."""
    stem: str
    negated: bool
    content: bool
    """False for words that carry no meaning of their own, such as "the"."""


class Reading(Record):
    """What a sentence says, word by word; ask it with `asks` and `denies`."""

    words: tuple[Word, ...]

    def asks(self, *alternatives: str) -> bool:
        """Whether one of these words, in any inflection, stands there un-negated."""
        wanted = {stem(word) for word in alternatives}
        return any(word.stem in wanted and not word.negated for word in self.words)

    def denies(self, *alternatives: str) -> bool:
        """Whether one of these words is ruled out ("without falling") and nowhere asked for."""
        wanted = {stem(word) for word in alternatives}
        found = [word.negated for word in self.words if word.stem in wanted]
        return bool(found) and all(found)

    @property
    def directions(self) -> frozenset[Direction]:
        """The ways the sentence asks to go; "with its left leg" is none."""
        return frozenset(way for way in get_args(Direction) if self._points(way))

    @property
    def asked(self) -> tuple[str, ...]:
        """The content words asked for, as written, in order, each once."""
        return _once(word.text for word in self.words if word.content and not word.negated)

    @property
    def negated(self) -> tuple[str, ...]:
        """The content words ruled out, as written, in order, each once."""
        return _once(word.text for word in self.words if word.content and word.negated)

    def unread(self, covered: Iterable[str], excluded: Iterable[str] = ()) -> tuple[str, ...]:
        """The content words that are not accounted for, as written, in order, each once.

        `covered` accounts for a word however it stands, `excluded` only where it is ruled out.
        """
        known = {stem(word) for word in covered}
        ruled_out = {stem(word) for word in excluded}
        return _once(
            word.text
            for word in self.words
            if word.content
            and word.stem not in known
            and not (word.negated and word.stem in ruled_out)
        )

    def _points(self, way: Direction) -> bool:
        return any(
            word.stem in _SYNONYMS[way] and not word.negated and after not in _LIMBS
            for word, after in zip(self.words, self._next_stems(), strict=True)
        )

    def _next_stems(self) -> list[str]:
        return [*[word.stem for word in self.words], ""][1:]


def read(sentence: str) -> Reading:
    """Split into words and mark what a negator reaches.

    A negator ("not", "never", "without", "avoid", "instead of", ...) reaches to the end of its
    clause: punctuation, "but", "then", "while", or an "and" that does not carry on a list of the
    same form ("without falling and jumping"). "Stop moving" negates, "never stop moving" does not.
    """
    words: list[Word] = []
    for clause in re.split(r"[,;:.!?()\n]|\s[-–—]\s", sentence.lower().replace("’", "'")):
        words += _clause(_join_pairs(re.findall(r"[a-z0-9][a-z0-9']*", clause)))
    return Reading(words=tuple(words))


def stem(word: str) -> str:
    """The word without its inflection: runs, running -> run; hopper stays hopper.

    Steps 1a, 1b and 5a of M. F. Porter, "An algorithm for suffix stripping" (1980), and -ly.
    """
    word = word.lower().removesuffix("'s")
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        word = word[:-1]
    if word.endswith("ly") and len(word) > 5:
        word = word[:-2]
    for suffix in ("ing", "ed"):
        rest = word.removesuffix(suffix)
        if rest != word and any(letter in _VOWELS for letter in rest) and not rest.endswith("e"):
            return _drop_e(_restore(rest))
    return _drop_e(word)


def _restore(rest: str) -> str:
    """What stood before -ing or -ed: runn -> run, mov -> move, fall -> fall."""
    if len(rest) > 2 and rest[-1] == rest[-2] and rest[-1] not in "lsz" + _VOWELS:
        return rest[:-1]
    return rest + "e" if _short(rest) else rest


def _drop_e(word: str) -> str:
    return word[:-1] if word.endswith("e") and len(word) > 4 and not _short(word[:-1]) else word


def _short(word: str) -> bool:
    """One syllable ending consonant, vowel, consonant: `mov`, `hop`, `driv`, but not `balanc`."""
    return bool(re.fullmatch(r"[^aeiouy]*[aeiouy][^aeiouywx]", word)) and len(word) > 2


def _clause(texts: list[str]) -> list[Word]:
    """The words of one stretch without punctuation, with what negators reach marked."""
    words: list[Word] = []
    negated, form = False, ""
    for position, text in enumerate(texts):
        after = texts[position + 1] if position + 1 < len(texts) else ""
        if text in _CLAUSE or (text == "and" and not (form and after.endswith(form))):
            negated, form = False, ""
        marks = stem(text) in _NEGATORS or (
            text == "from"
            and after.endswith("ing")
            and any(word.stem in _HOLDERS for word in words)
        )
        flips = stem(text) == "stop" and (negated or after.endswith("ing"))
        if marks:
            negated, form = True, ""
        content = not (marks or flips or text in _EMPTY or "-" in text)
        words.append(Word(text=text, stem=stem(text), negated=negated, content=content))
        if flips:
            negated = not negated
        elif content and negated and not form:
            form = "ing" if text.endswith("ing") else ""
    return words


def _join_pairs(texts: list[str]) -> list[str]:
    """`instead of` and its like become one negator; `do not` needs nothing."""
    joined: list[str] = []
    for text in texts:
        if joined and (joined[-1], text) in _PAIRS:
            joined[-1] = f"{joined[-1]}-{text}"
        else:
            joined.append(text)
    return joined


def _once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
