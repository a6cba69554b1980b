"""What a demo sentence says, before it is said in a language: the abstract side of the synchronous grammar.

`english` and `german` each walk the same value, so a pair is a translation by construction. Every difference between
the two (word order, case, gender, commas) is theirs; nothing of either language's grammar is stored here. Read
`sampling` next, which draws a meaning at random.
"""

from __future__ import annotations

from dataclasses import dataclass

from aat_plugin.demo.lexicon import Adjective, Adverb, CompoundPart, Modal, Name, Noun, Preposition, Verb


@dataclass(frozen=True)
class Pronoun:
    """I, he, she, we, they."""

    person: int
    plural: bool
    gender: str = "m"


@dataclass(frozen=True)
class Determiner:
    """What stands before a noun.

    `kind` is definite | indefinite | this | every | no | bare | number | owner; `number` goes with the count, `owner`
    with a pronoun (`her dog`) or a name (`Anna 's dog`).
    """

    kind: str
    count: int = 0
    owner: Pronoun | Name | None = None


@dataclass(frozen=True)
class PrepositionalPhrase:
    """A preposition and what it governs."""

    preposition: Preposition
    noun_phrase: NounPhrase


@dataclass(frozen=True)
class Relative:
    """A relative clause. `role` says what its head is in it: subject or object; `person` whether that is a person."""

    role: str
    clause: Clause
    person: bool


@dataclass(frozen=True)
class CommonNoun:
    """A noun with what belongs to it; at most one of the attachments is set.

    Attributes:
        compound: the first part of a compound, or None.
        possessor: `the dog of the man`; German's genitive.
        phrase: `the man with the hat`, `the girl from the village`.
        relative: `the man who sleeps`.
    """

    noun: Noun
    plural: bool
    determiner: Determiner
    adjectives: tuple[Adjective, ...] = ()
    compound: CompoundPart | None = None
    possessor: NounPhrase | None = None
    phrase: PrepositionalPhrase | None = None
    relative: Relative | None = None


@dataclass(frozen=True)
class Pair:
    """Two noun phrases joined by `and`: plural, whatever they are."""

    first: NounPhrase
    second: NounPhrase


NounPhrase = Pronoun | Name | CommonNoun | Pair


@dataclass(frozen=True)
class Predicate:
    """A verb with what it governs, or (verb None) `is` with an adjective.

    Attributes:
        recipient: the person given to, with frame "both".
        thing: the object; None inside an object relative, whose head it is.
        tool: `with the hammer`.
        direction: `into the garden`.
        clause: what is said, believed, asked.
        infinitive: what is tried, begun.
    """

    verb: Verb | None
    adjective: Adjective | None = None
    recipient: NounPhrase | None = None
    thing: NounPhrase | None = None
    tool: PrepositionalPhrase | None = None
    direction: PrepositionalPhrase | None = None
    clause: Clause | None = None
    infinitive: Predicate | None = None


@dataclass(frozen=True)
class Clause:
    """One clause.

    Attributes:
        subject: inside a subject relative the head, which is not said again but decides the verb's number.
        tense: present | past | future | modal; `modal` is set with the last.
        passive: the thing is the subject; `agent` did it.
        front: what stands first: subject | adverb | place.
    """

    subject: NounPhrase
    predicate: Predicate
    tense: str
    modal: Modal | None = None
    negated: bool = False
    adverb: Adverb | None = None
    place: PrepositionalPhrase | None = None
    passive: bool = False
    agent: NounPhrase | None = None
    front: str = "subject"


@dataclass(frozen=True)
class Sentence:
    """A main clause, perhaps with a second one.

    Attributes:
        question: a yes-no question.
        subordinate: (index into SUBORDINATORS, its clause, whether it comes first), or None.
        coordinate: (index into COORDINATORS, the second main clause), or None.
    """

    main: Clause
    question: bool = False
    subordinate: tuple[int, Clause, bool] | None = None
    coordinate: tuple[int, Clause] | None = None


def is_plural(phrase: NounPhrase) -> bool:
    """Whether a verb agrees with it in the plural."""
    if isinstance(phrase, Pair):
        return True
    return not isinstance(phrase, Name) and phrase.plural


def person(phrase: NounPhrase) -> int:
    """1 for I and we, else 3 (a pair with `I` does not occur)."""
    return phrase.person if isinstance(phrase, Pronoun) else 3
