"""Says a meaning in English, as a phrase-structure tree with the Penn Treebank's labels and part-of-speech tags.

Traces and function tags are left out, as parsers do (Section 6.3). Read `german` next, which says the same in German.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aat_plugin.demo.lexicon import COORDINATORS, NUMBERS, SUBORDINATORS, Adverb, Name, Verb
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

_Forms = dict[tuple[int, bool] | str, str]


@dataclass(frozen=True)
class Node:
    """A phrase (children, no word) or a tagged word (a word, no children)."""

    label: str
    children: tuple[Node, ...] = ()
    word: str = ""

    def leaves(self) -> Iterator[Node]:
        """The tagged words, left to right."""
        if self.word:
            yield self
        for child in self.children:
            yield from child.leaves()

    def bracketed(self) -> str:
        """`(S (NP (DT the) …) …)`, on one line."""
        if self.word:
            return f"({self.label} {self.word})"
        return f"({self.label} {' '.join(child.bracketed() for child in self.children)})"


_SUBJECT: _Forms = {(1, False): "I", (1, True): "we", (3, True): "they", "m": "he", "f": "she"}
_OBJECT: _Forms = {(1, False): "me", (1, True): "us", (3, True): "them", "m": "him", "f": "her"}
_OWNER: _Forms = {(1, False): "my", (1, True): "our", (3, True): "their", "m": "his", "f": "her"}


def tree(sentence: Sentence) -> Node:
    """The whole sentence, with its final mark."""
    mark = Node(".", word="?" if sentence.question else ".")
    if sentence.question:
        return Node("SQ", (*_question(sentence.main), mark))
    parts = _clause(sentence.main)
    if sentence.coordinate:
        index, second = sentence.coordinate
        return Node("S", (Node("S", parts), Node("CC", word=COORDINATORS[index][0]), Node("S", _clause(second)), mark))
    if sentence.subordinate:
        index, clause, first = sentence.subordinate
        bar = Node("SBAR", (Node("IN", word=SUBORDINATORS[index][0]), Node("S", _clause(clause))))
        if first:
            return Node("S", (bar, Node(",", word=","), *parts, mark))
        *before, phrase = parts
        return Node("S", (*before, Node("VP", (*phrase.children, bar)), mark))
    return Node("S", (*parts, mark))


def _clause(clause: Clause) -> tuple[Node, ...]:
    """What stands in front, the subject, an adverb of frequency, the verb phrase."""
    front: tuple[Node, ...] = ()
    if clause.front == "adverb" and clause.adverb:
        front = (_adverb(clause.adverb),)
    elif clause.front == "place" and clause.place:
        front = (_phrase(clause.place),)
    return (*front, _noun_phrase(clause.subject, _SUBJECT), *_frequency(clause), _verb_phrase(clause))


def _question(clause: Clause) -> tuple[Node, ...]:
    """The finite auxiliary, the subject, the rest: `does the man sleep`."""
    phrase = _verb_phrase(clause, auxiliary=True)
    finite, *rest = phrase.children
    subject = _noun_phrase(clause.subject, _SUBJECT)
    return (finite, subject, *rest)


def _verb_phrase(clause: Clause, *, auxiliary: bool = False) -> Node:
    """The finite verb phrase; `auxiliary` asks for `do` where there is no other auxiliary."""
    predicate = clause.predicate
    denied = (Node("RB", word="not"),) if clause.negated else ()
    if clause.tense in ("future", "modal"):
        modal = clause.modal.english if clause.modal else "will"
        if clause.modal and clause.modal.takes_to:
            wish = Node("S", (_infinitive_to(clause, predicate),))
            return _with_do(clause, "want", (wish,), auxiliary)
        return Node("VP", (Node("MD", word=modal), *denied, Node("VP", _inner(clause, "base"))))
    if clause.passive or predicate.adjective:
        return Node("VP", (_be(clause), *denied, *(_passive(clause) if clause.passive else _inner(clause, "none"))))
    if clause.negated or auxiliary:
        do, tag = _agreed(clause, "do", "does", "did")
        return Node("VP", (Node(tag, word=do), *denied, Node("VP", _inner(clause, "base"))))
    return Node("VP", _inner(clause, "finite"))


def _with_do(clause: Clause, base: str, rest: tuple[Node, ...], auxiliary: bool) -> Node:
    """`wants to …`, `does not want to …`: a regular verb in the present."""
    if not (clause.negated or auxiliary):
        word, tag = _agreed(clause, base, f"{base}s", "")
        return Node("VP", (Node(tag, word=word), *rest))
    do, tag = _agreed(clause, "do", "does", "")
    denied = (Node("RB", word="not"),) if clause.negated else ()
    return Node("VP", (Node(tag, word=do), *denied, Node("VP", (Node("VB", word=base), *rest))))


def _infinitive_to(clause: Clause | None, predicate: Predicate) -> Node:
    """`to see the dog`; with a clause, its adverb and place too."""
    inner = _inner(clause, "base") if clause else _arguments(predicate, (_base(predicate),))
    return Node("VP", (Node("TO", word="to"), Node("VP", inner)))


def _inner(clause: Clause, form: str) -> tuple[Node, ...]:
    """Verb, objects, adverb, place, and the clause last. `form`: finite | base | none (a verb said already)."""
    predicate = clause.predicate
    if form == "finite" and predicate.verb:
        word, tag = _agreed(clause, predicate.verb.english, predicate.verb.third, predicate.verb.past)
        verb: tuple[Node, ...] = (Node(tag, word=word),)
    else:
        verb = (_base(predicate),) if form == "base" else ()
    return _arguments(predicate, verb, _adverbials(clause))


def _base(predicate: Predicate) -> Node:
    """The base form; `be` before an adjective."""
    return Node("VB", word=predicate.verb.english if predicate.verb else "be")


def _arguments(predicate: Predicate, verb: tuple[Node, ...], adverbials: tuple[Node, ...] = ()) -> tuple[Node, ...]:
    """The verb and everything after it, in English order."""
    parts = list(verb)
    if predicate.adjective:
        parts.append(Node("ADJP", (Node("JJ", word=predicate.adjective.english),)))
    parts += _object(predicate)
    if predicate.tool:
        parts.append(_phrase(predicate.tool))
    if predicate.direction:
        parts.append(_phrase(predicate.direction))
    parts += adverbials
    if predicate.infinitive:
        parts.append(Node("S", (_infinitive_to(None, predicate.infinitive),)))
    if predicate.clause and predicate.verb:
        word = "that" if predicate.verb.frame == "that" else "whether"
        parts.append(Node("SBAR", (Node("IN", word=word), Node("S", _clause(predicate.clause)))))
    return tuple(parts)


def _object(predicate: Predicate) -> list[Node]:
    """Recipient, then thing; a particle (`up`, `away`) first, a preposition (`for`, `to`) around the thing."""
    parts = [_noun_phrase(predicate.recipient, _OBJECT)] if predicate.recipient else []
    thing = (_noun_phrase(predicate.thing, _OBJECT),) if predicate.thing else ()
    particle = predicate.verb.particle if predicate.verb else ""
    if particle in ("up", "away"):
        parts.append(Node("PRT", (Node("RP", word=particle),)))
    elif particle:
        return [*parts, Node("PP", (Node("IN", word=particle), *thing))]
    return [*parts, *thing]


def _passive(clause: Clause) -> tuple[Node, ...]:
    """`seen by the man`, inside `is`."""
    verb = _verb_of(clause)
    agent = (Node("PP", (Node("IN", word="by"), _noun_phrase(clause.agent, _OBJECT))),) if clause.agent else ()
    return (Node("VP", (Node("VBN", word=verb.participle), *agent)),)


def _adverbials(clause: Clause) -> tuple[Node, ...]:
    """Place and adverb of time, where they do not stand in front."""
    parts = []
    if clause.place and clause.front != "place":
        parts.append(_phrase(clause.place))
    if clause.adverb and not clause.adverb.frequent and clause.front != "adverb":
        parts.append(_adverb(clause.adverb))
    return tuple(parts)


def _frequency(clause: Clause) -> tuple[Node, ...]:
    return (_adverb(clause.adverb),) if clause.adverb and clause.adverb.frequent else ()


def _adverb(adverb: Adverb) -> Node:
    return Node("ADVP", (Node("RB", word=adverb.english),))


def _agreed(clause: Clause, base: str, third: str, past: str) -> tuple[str, str]:
    """The finite form that agrees with the subject, and its tag."""
    if clause.tense == "past":
        return past, "VBD"
    if is_plural(clause.subject) or person(clause.subject) == 1:
        return base, "VBP"
    return third, "VBZ"


def _be(clause: Clause) -> Node:
    """am, is, are, was, were."""
    plural = is_plural(clause.subject)
    if clause.tense == "past":
        return Node("VBD", word="were" if plural else "was")
    if plural:
        return Node("VBP", word="are")
    return Node("VBP", word="am") if person(clause.subject) == 1 else Node("VBZ", word="is")


def _verb_of(clause: Clause) -> Verb:
    if clause.predicate.verb is None:
        raise AssertionError("a passive has a verb")
    return clause.predicate.verb


def _phrase(phrase: PrepositionalPhrase) -> Node:
    """`with the hat`; `in front of` is a phrase in a phrase, as in the Treebank."""
    inner = _noun_phrase(phrase.noun_phrase, _OBJECT)
    if phrase.preposition.english == "in front of":
        front = Node("NP", (Node("NP", (Node("NN", word="front"),)), Node("PP", (Node("IN", word="of"), inner))))
        return Node("PP", (Node("IN", word="in"), front))
    return Node("PP", (Node("IN", word=phrase.preposition.english), inner))


def _noun_phrase(phrase: NounPhrase, pronouns: _Forms) -> Node:
    """A noun phrase; `pronouns` is the row of forms for its place."""
    if isinstance(phrase, Pronoun):
        return Node("NP", (Node("PRP", word=_pronoun(phrase, pronouns)),))
    if isinstance(phrase, Name):
        return Node("NP", (Node("NNP", word=phrase.text),))
    if isinstance(phrase, Pair):
        first, second = (_noun_phrase(one, pronouns) for one in (phrase.first, phrase.second))
        return Node("NP", (first, Node("CC", word="and"), second))
    base = Node("NP", _noun(phrase))
    if phrase.possessor:
        return Node("NP", (base, Node("PP", (Node("IN", word="of"), _noun_phrase(phrase.possessor, _OBJECT)))))
    if phrase.phrase:
        return Node("NP", (base, _phrase(phrase.phrase)))
    return Node("NP", (base, _relative(phrase.relative))) if phrase.relative else base


def _noun(phrase: CommonNoun) -> tuple[Node, ...]:
    """Determiner, adjectives, the first part of a compound, the noun."""
    words = [Node("JJ", word=adjective.english) for adjective in phrase.adjectives]
    if phrase.compound:
        words.append(Node("NN", word=phrase.compound.english))
    noun = phrase.noun.english_plural if phrase.plural else phrase.noun.english
    words.append(Node("NNS" if phrase.plural else "NN", word=noun))
    return (*_determiner(phrase.determiner, phrase.plural, words[0].word), *words)


def _determiner(determiner: Determiner, plural: bool, following: str) -> tuple[Node, ...]:
    kind = determiner.kind
    if kind == "bare":
        return ()
    if kind == "number":
        words = tuple(Node("CD", word=word) for word in NUMBERS[determiner.count][0])
        return (Node("QP", words),) if len(words) > 1 else words
    if kind == "owner":
        owner = determiner.owner
        if isinstance(owner, Name):
            return (Node("NP", (Node("NNP", word=owner.text), Node("POS", word="'s"))),)
        if owner is None:
            raise AssertionError("a possessive determiner has an owner")
        return (Node("PRP$", word=_pronoun(owner, _OWNER)),)
    fixed = {"definite": "the", "every": "every", "no": "no", "this": "these" if plural else "this"}
    article = "an" if following[0] in "aeio" else "a"
    return (Node("DT", word=fixed.get(kind, article)),)


def _relative(relative: Relative) -> Node:
    """`who sleeps`, `that the man sees`."""
    clause = relative.clause
    if relative.role == "subject":
        who = Node("WP", word="who") if relative.person else Node("WDT", word="that")
        inner = (*_frequency(clause), _verb_phrase(clause))
    else:
        who = Node("WDT", word="that")
        inner = (_noun_phrase(clause.subject, _SUBJECT), *_frequency(clause), _verb_phrase(clause))
    return Node("SBAR", (Node("WHNP", (who,)), Node("S", inner)))


def _pronoun(pronoun: Pronoun, forms: _Forms) -> str:
    """The form of a pronoun; only the third person singular has a gender."""
    if pronoun.person == 3 and not pronoun.plural:
        return forms[pronoun.gender]
    return forms[(pronoun.person, pronoun.plural)]
