"""Says a meaning in German: verb second or last, the verbal bracket, cases, commas. Word forms are `morphology`'s.

The order of a main clause is: what stands in front | finite verb | subject | pronouns | adverb | recipient | thing |
nicht | tool | place | direction or adjective | participle, infinitive or prefix | clause. Subordinate clauses put the
finite verb after the bracket's right side. Read `corpus` next.
"""

from __future__ import annotations

from aat_plugin.demo import morphology
from aat_plugin.demo.lexicon import BY, COORDINATORS, SUBORDINATORS, Name, Verb
from aat_plugin.demo.meaning import (
    Clause,
    CommonNoun,
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

Words = list[str]
_CASES = {"accusative": "acc", "both": "acc", "dative": "dat"}


def words(sentence: Sentence) -> Words:
    """The whole sentence, with its final mark."""
    mark = "?" if sentence.question else "."
    if sentence.question:
        return _punctuated([*_verb_first(sentence.main), mark])
    if sentence.subordinate:
        index, clause, first = sentence.subordinate
        bar = [SUBORDINATORS[index][1], *_verb_last(clause)]
        if first:
            return _punctuated([*bar, ",", *_verb_first(sentence.main), mark])
        return _punctuated([*_verb_second(sentence.main), ",", *bar, mark])
    said = _verb_second(sentence.main)
    if sentence.coordinate:
        index, second = sentence.coordinate
        conjunction = COORDINATORS[index][1]
        said += [*([","] if conjunction == "aber" else []), conjunction, *_verb_second(second)]
    return _punctuated([*said, mark])


def _punctuated(said: Words) -> Words:
    """A comma closes each relative clause; one before another mark is not written."""
    following = [*said[1:], ""]
    return [word for word, after in zip(said, following, strict=True) if word != "," or after not in (",", ".", "?")]


def _verb_second(clause: Clause) -> Words:
    """A main clause: one part, the finite verb, the rest."""
    if clause.front == "adverb" and clause.adverb:
        return [clause.adverb.german, *_verb_first(clause)]
    if clause.front == "place" and clause.place:
        return [*_phrase(clause.place), *_verb_first(clause)]
    finite, right = _verbs(clause, last=False)
    return [*noun_phrase(clause.subject, "nom"), *finite, *_middle(clause), *right, *_tail(clause.predicate)]


def _verb_first(clause: Clause) -> Words:
    """The finite verb, the subject, the rest: a question, or what follows the part in front."""
    finite, right = _verbs(clause, last=False)
    return [*finite, *noun_phrase(clause.subject, "nom"), *_middle(clause), *right, *_tail(clause.predicate)]


def _verb_last(clause: Clause, *, said: bool = True) -> Words:
    """A subordinate clause; `said` is false where the subject is the relative pronoun."""
    finite, right = _verbs(clause, last=True)
    subject = noun_phrase(clause.subject, "nom") if said else []
    return [*subject, *_middle(clause), *right, *finite, *_tail(clause.predicate)]


def _verbs(clause: Clause, *, last: bool) -> tuple[Words, Words]:
    """The finite verb and the right side of the bracket."""
    plural, first = is_plural(clause.subject), person(clause.subject) == 1
    verb = clause.predicate.verb
    if clause.passive and verb:
        table = morphology.WURDE if clause.tense == "past" else morphology.WERDEN
        return [morphology.auxiliary(table, plural, first)], [verb.german_participle]
    if clause.tense == "future":
        return [morphology.auxiliary(morphology.WERDEN, plural, first)], [_infinitive(verb)]
    if clause.modal:
        return [clause.modal.german_plural if plural else clause.modal.german_singular], [_infinitive(verb)]
    if verb is None:
        table = morphology.WAR if clause.tense == "past" else morphology.SEIN
        return [morphology.auxiliary(table, plural, first)], []
    if clause.tense == "past":
        table = morphology.SEIN if verb.auxiliary == "sein" else morphology.HABEN
        return [morphology.auxiliary(table, plural, first)], [verb.german_participle]
    finite = morphology.present(verb, plural, first)
    if last:
        return [verb.prefix + finite], []
    return [finite], [verb.prefix] if verb.prefix else []


def _infinitive(verb: Verb | None) -> str:
    return verb.prefix + verb.german if verb else "sein"


def _middle(clause: Clause) -> Words:
    """What stands between the finite verb (and the subject) and the right side of the bracket."""
    predicate = clause.predicate
    adverb = [clause.adverb.german] if clause.adverb and clause.front != "adverb" else []
    place = _phrase(clause.place) if clause.place and clause.front != "place" else []
    agent = _phrase(PrepositionalPhrase(BY, clause.agent)) if clause.agent else []
    return _field(predicate, adverb, clause.negated, [*agent, *place])


def _field(predicate: Predicate, adverb: Words, negated: bool, place: Words) -> Words:
    """Pronouns before the adverb, other objects after it; then `nicht`, tool, place, direction, adjective."""
    case = _CASES[predicate.verb.frame] if predicate.thing and predicate.verb else "acc"
    objects = [(predicate.recipient, "dat"), (predicate.thing, case)]
    light = [word for one, case in objects if isinstance(one, Pronoun) for word in noun_phrase(one, case)]
    heavy = [word for one, case in objects if one and not isinstance(one, Pronoun) for word in noun_phrase(one, case)]
    tool = _phrase(predicate.tool) if predicate.tool else []
    direction = _phrase(predicate.direction) if predicate.direction else []
    adjective = [predicate.adjective.german] if predicate.adjective else []
    denied = ["nicht"] if negated else []
    return [*light, *adverb, *heavy, *denied, *tool, *place, *direction, *adjective]


def _tail(predicate: Predicate) -> Words:
    """What follows the bracket: a clause, or an infinitive with `zu`."""
    if predicate.clause and predicate.verb:
        return [",", "dass" if predicate.verb.frame == "that" else "ob", *_verb_last(predicate.clause)]
    if predicate.infinitive and predicate.infinitive.verb:
        verb = predicate.infinitive.verb
        last = [f"{verb.prefix}zu{verb.german}"] if verb.prefix else ["zu", verb.german]
        return [",", *_field(predicate.infinitive, [], False, []), *last]
    return []


def _phrase(phrase: PrepositionalPhrase) -> Words:
    """A preposition with its case; `in dem` becomes `im`, `in das` `ins`, `von dem` `vom`."""
    preposition = phrase.preposition
    said = [preposition.german, *noun_phrase(phrase.noun_phrase, preposition.case)]
    short = morphology.CONTRACTIONS.get((said[0], said[1]))
    return [short, *said[2:]] if short else said


def noun_phrase(phrase: NounPhrase, case: str) -> Words:
    """A noun phrase in a case: nom, acc, dat or gen."""
    if isinstance(phrase, Pronoun):
        return [morphology.pronoun(phrase, case)]
    if isinstance(phrase, Name):
        return [phrase.text]
    if isinstance(phrase, Pair):
        return [*noun_phrase(phrase.first, case), "und", *noun_phrase(phrase.second, case)]
    said = [*_base(phrase, case)]
    if phrase.possessor:
        said += _possessor(phrase.possessor)
    if phrase.phrase:
        said += _phrase(phrase.phrase)
    if phrase.relative:
        said += [",", *_relative(phrase, phrase.relative), ","]
    return said


def _possessor(owner: NounPhrase) -> Words:
    """`des Mannes`; German says `von` where nothing would show the genitive (`von drei Männern`, `von Kindern`)."""
    if isinstance(owner, CommonNoun) and owner.determiner.kind in ("bare", "number"):
        return ["von", *noun_phrase(owner, "dat")]
    return noun_phrase(owner, "gen")


def _base(phrase: CommonNoun, case: str) -> Words:
    """Determiner, adjectives, noun."""
    gender = "p" if phrase.plural else phrase.noun.gender
    article = morphology.determiner(phrase.determiner, gender, case)
    ending = morphology.adjective_ending(phrase.determiner, gender, case)
    adjectives = [morphology.adjective(adjective.german, ending) for adjective in phrase.adjectives]
    return [*article, *adjectives, morphology.noun(phrase.noun, phrase.compound, phrase.plural, case)]


def _relative(head: CommonNoun, relative: Relative) -> Words:
    """`der schläft`, `den der Mann sieht`: the pronoun has the head's gender and the case of its role."""
    gender = "p" if head.plural else head.noun.gender
    verb = relative.clause.predicate.verb
    if relative.role == "subject" or verb is None:
        return [morphology.relative_pronoun(gender, "nom"), *_verb_last(relative.clause, said=False)]
    return [morphology.relative_pronoun(gender, _CASES[verb.frame]), *_verb_last(relative.clause)]
