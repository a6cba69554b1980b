"""Draws what a sentence says: a random derivation of the demo's grammar.

Only `random.Random.random` is used, whose values are the same in every Python, so that a seed means one corpus. What
is never drawn keeps each English sentence to one reading, hence one German sentence: adverbs and places at the end
belong to the outer clause, `with` a tool to the verb, `with` a garment to the noun. Read `english` and `german` next.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from aat_plugin.demo import lexicon
from aat_plugin.demo.lexicon import ADVERBS, COMPOUND_PARTS, NAMES, NOUNS, NUMBERS, VERBS, Adverb, Noun, Verb
from aat_plugin.demo.meaning import (
    Clause,
    CommonNoun,
    Determiner,
    NounPhrase,
    Pair,
    Predicate,
    PrepositionalPhrase,
    Pronoun,
    Relative,
    Sentence,
    is_plural,
    person,
)

T = TypeVar("T")

PRONOUNS = (Pronoun(1, False), Pronoun(3, False, "m"), Pronoun(3, False, "f"), Pronoun(1, True), Pronoun(3, True))
_FRAMES = {"none": 3, "accusative": 10, "dative": 3, "both": 4, "direction": 3,
           "that": 3, "whether": 1, "infinitive": 2}
# Frames that hold no clause of their own.
_PLAIN_FRAMES = frozenset(_FRAMES) - {"that", "whether", "infinitive"}
_TENSES = {"present": 7, "past": 6, "future": 3, "modal": 4}
_SINGULAR = {"definite": 8, "indefinite": 5, "owner": 4, "this": 2, "every": 1, "no": 1}
_PLURAL = {"definite": 6, "bare": 2, "number": 4, "owner": 2, "this": 2, "no": 1}
# The determiners of places, tools and garments, which nobody counts or denies; and of what can be denied with `nicht`.
_SETTLED = ("definite", "indefinite", "owner", "this")
_DENIABLE = ("definite", "owner", "this")


class Sampler:
    """Draws one sentence after another from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 — a corpus, not a secret

    def sentence(self) -> Sentence:
        """A main clause; sometimes a question, sometimes with a second clause."""
        shape = self._weighted({"plain": 11, "question": 2, "subordinate": 4, "coordinate": 3})
        if shape == "question":
            return Sentence(replace(self.clause(1, questioned=True), front="subject"), question=True)
        if shape == "subordinate":
            index = self._below(len(lexicon.SUBORDINATORS))
            first = self._chance(0.4)
            main = self.clause(0)
            main = replace(main, front="subject") if first else main
            return Sentence(main, subordinate=(index, replace(self.clause(0), front="subject"), first))
        if shape == "coordinate":
            return Sentence(self.clause(0), coordinate=(self._below(len(lexicon.COORDINATORS)), self.clause(0)))
        return Sentence(self.clause(2))

    def clause(self, room: int, *, questioned: bool = False) -> Clause:
        """A finite clause with at most `room` levels of clauses inside it."""
        if self._chance(0.08):
            return self._copular(room)
        if self._chance(0.08):
            return self._passive(room)
        verb = self._verb(room)
        subject = self.noun_phrase(verb.subjects, room)
        made = self._tensed(Clause(subject, self._predicate(verb, room), self._weighted(_TENSES)))
        made = replace(made, adverb=self._adverb(made, questioned), place=self._place(made))
        return replace(made, front=self._front(made))

    def noun_phrase(self, kinds: Sequence[str], room: int) -> NounPhrase:
        """A noun phrase of one of `kinds`, with at most `room` levels of clauses inside it."""
        if "person" in kinds and self._chance(0.15):
            return self._pick(PRONOUNS)
        if "person" in kinds and self._chance(0.06):
            return self._pick(NAMES)
        if room and self._chance(0.05):
            return Pair(self._simple(kinds), self._simple(kinds))
        head = self._simple(kinds)
        if head.noun.kind in COMPOUND_PARTS and self._chance(0.4):
            head = replace(head, compound=self._pick(COMPOUND_PARTS[head.noun.kind]))
        if head.determiner.kind == "owner":
            return head
        return self._attached(head, room)

    def _simple(self, kinds: Sequence[str]) -> CommonNoun:
        """Determiner, adjectives, noun."""
        noun = self._pick([noun for noun in NOUNS if noun.kind in kinds])
        plural = self._chance(0.3)
        settled = noun.kind in ("place", "tool", "garment")
        adjectives = []
        if self._chance(0.3):
            adjectives = [self._adjective(noun)]
            if self._chance(0.15):
                adjectives = list(dict.fromkeys([*adjectives, self._adjective(noun)]))
        return CommonNoun(noun, plural, self._determiner(plural, settled), tuple(adjectives))

    def _determiner(self, plural: bool, settled: bool) -> Determiner:
        weights = _PLURAL if plural else _SINGULAR
        kind = self._weighted({one: weight for one, weight in weights.items() if not settled or one in _SETTLED})
        if kind == "number":
            return Determiner(kind, count=self._pick(sorted(NUMBERS)))
        if kind == "owner":
            return Determiner(kind, owner=self._pick(NAMES) if self._chance(0.25) else self._pick(PRONOUNS))
        return Determiner(kind)

    def _attached(self, head: CommonNoun, room: int) -> CommonNoun:
        """Perhaps a possessor, a prepositional phrase or a relative clause."""
        draw = self._random.random()
        living = head.noun.kind in ("person", "animal")
        if room and draw < 0.12:
            return replace(head, relative=self._relative(head, room - 1))
        if draw < 0.18 and head.noun.kind != "person":
            return replace(head, possessor=self._simple(("person",)))
        if draw < 0.24 and head.noun.kind == "person":
            return replace(head, phrase=PrepositionalPhrase(lexicon.WITH, self._simple(("garment",))))
        if draw < 0.30 and living:
            return replace(head, phrase=PrepositionalPhrase(lexicon.FROM, self._simple(("place",))))
        return head

    def _relative(self, head: CommonNoun, room: int) -> Relative:
        """A clause about `head`, as its subject or as its object; without adverb of time or place."""
        kind = head.noun.kind
        acting = [verb for verb in VERBS if kind in verb.subjects and self._fits(verb, 0)]
        suffering = [verb for verb in VERBS if kind in verb.objects and verb.frame in ("accusative", "dative")]
        if acting and self._chance(0.6):
            subject: NounPhrase = CommonNoun(head.noun, head.plural, Determiner("definite"))
            verb = self._pick(acting)
            clause = Clause(subject, self._predicate(verb, room), self._weighted(_TENSES))
            role = "subject"
        else:
            verb = self._pick(suffering)
            subject = self._pick(PRONOUNS) if self._chance(0.2) else self._simple(verb.subjects)
            clause = Clause(subject, Predicate(verb), self._weighted(_TENSES))
            role = "object"
        clause = self._tensed(clause)
        return Relative(role, replace(clause, adverb=self._often(clause)), kind == "person")

    def _copular(self, room: int) -> Clause:
        """`The man is tired`."""
        adjective = self._pick([one for one in lexicon.ADJECTIVES if "person" in one.kinds])
        subject = self.noun_phrase(("person",), room)
        return self._tensed(Clause(subject, Predicate(None, adjective=adjective), self._weighted(_TENSES)))

    def _passive(self, room: int) -> Clause:
        """`The letter is read by the man`."""
        verb = self._pick([verb for verb in VERBS if verb.frame == "accusative" and not verb.particle])
        subject = self.noun_phrase(verb.objects, room)
        agent = self._simple(verb.subjects) if self._chance(0.7) else None
        tense = "past" if self._chance(0.5) else "present"
        return Clause(subject, Predicate(verb), tense, negated=self._chance(0.1), passive=True, agent=agent)

    def _predicate(self, verb: Verb, room: int) -> Predicate:
        """What the verb's frame asks for."""
        made = Predicate(verb)
        if verb.frame in ("accusative", "dative"):
            made = replace(made, thing=self.noun_phrase(verb.objects, room))
        elif verb.frame == "both":
            made = replace(made, recipient=self.noun_phrase(("person",), 0), thing=self.noun_phrase(verb.objects, room))
        elif verb.frame == "direction":
            made = replace(made, direction=PrepositionalPhrase(lexicon.INTO, self._simple(("place",))))
        elif verb.frame in ("that", "whether"):
            made = replace(made, clause=replace(self.clause(room - 1), front="subject"))
        elif verb.frame == "infinitive":
            inner = self._pick([one for one in VERBS if one.subjects[0] == "person" and self._fits(one, 0)])
            made = replace(made, infinitive=self._predicate(inner, 0))
        if verb.tool and self._chance(0.35):
            made = replace(made, tool=PrepositionalPhrase(lexicon.WITH, self._simple(("tool",))))
        return made

    def _verb(self, room: int) -> Verb:
        frame = self._weighted({name: weight for name, weight in _FRAMES.items() if room or name in _PLAIN_FRAMES})
        return self._pick([verb for verb in VERBS if verb.frame == frame])

    @staticmethod
    def _fits(verb: Verb, room: int) -> bool:
        return room > 0 or verb.frame in _PLAIN_FRAMES

    def _tensed(self, clause: Clause) -> Clause:
        """The modal that goes with its tense, and perhaps `not`; `they read` is always the present."""
        modal = self._pick(lexicon.MODALS) if clause.tense == "modal" else None
        predicate = clause.predicate
        same = predicate.verb is not None and predicate.verb.past == predicate.verb.english
        if clause.tense == "past" and same and (is_plural(clause.subject) or person(clause.subject) == 1):
            clause = replace(clause, tense="present")
        parts = (clause.subject, predicate.recipient, predicate.thing)
        deniable = all(not isinstance(part, CommonNoun) or part.determiner.kind in _DENIABLE for part in parts)
        return replace(clause, modal=modal, negated=deniable and self._chance(0.15))

    def _adverb(self, clause: Clause, questioned: bool) -> Adverb | None:
        """An adverb that the tense allows; one of frequency only where it stands right before a finite verb."""
        if not self._chance(0.35):
            return None
        frequent = not (clause.negated or questioned)
        return self._pick([one for one in ADVERBS if clause.tense in one.tenses and (frequent or not one.frequent)])

    def _often(self, clause: Clause) -> Adverb | None:
        """An adverb of frequency, for relative clauses."""
        if clause.negated or clause.tense not in ("present", "past") or not self._chance(0.2):
            return None
        return self._pick([one for one in ADVERBS if one.frequent])

    def _place(self, clause: Clause) -> PrepositionalPhrase | None:
        if clause.predicate.direction or not self._chance(0.2):
            return None
        return PrepositionalPhrase(self._pick(lexicon.PLACE_PREPOSITIONS), self._simple(("place",)))

    def _front(self, clause: Clause) -> str:
        """What stands first; German then moves its subject behind the verb."""
        if clause.adverb and not clause.adverb.frequent and self._chance(0.4):
            return "adverb"
        return "place" if clause.place and self._chance(0.3) else "subject"

    def _adjective(self, noun: Noun) -> lexicon.Adjective:
        return self._pick([one for one in lexicon.ADJECTIVES if noun.kind in one.kinds])

    def _below(self, limit: int) -> int:
        return int(self._random.random() * limit)

    def _pick(self, options: Sequence[T]) -> T:
        return options[self._below(len(options))]

    def _chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def _weighted(self, weights: dict[str, int]) -> str:
        mark = self._random.random() * sum(weights.values())
        for name, weight in weights.items():
            mark -= weight
            if mark < 0:
                return name
        return next(reversed(weights))

