"""German word forms: articles, adjective endings, nouns in their cases, pronouns, finite verbs.

Tables are strings of endings in the order of the genders `mfnp` (masculine, feminine, neuter, plural). `german` uses
them.
"""

from __future__ import annotations

from aat_plugin.demo.lexicon import NUMBERS, CompoundPart, Name, Noun, Verb
from aat_plugin.demo.meaning import Determiner, Pronoun

_GENDERS = "mfnp"


def _table(**rows: str) -> dict[str, dict[str, str]]:
    """case → gender → form; `-` is the empty ending."""
    return {
        case: dict(zip(_GENDERS, (form.replace("-", "") for form in row.split()), strict=True))
        for case, row in rows.items()
    }


_DEFINITE = _table(nom="der die das die", acc="den die das die", dat="dem der dem den", gen="des der des der")
# Endings of dies- and jed-, and (with the gaps of the next table) of kein-, mein-.
_STRONG = _table(nom="er e es e", acc="en e es e", dat="em er em en", gen="es er es er")
_POSSESSIVE = _table(nom="- e - e", acc="en e - e", dat="em er em en", gen="es er es er")
# Endings of adjectives after a definite article, after ein-, and with nothing before them that shows the case.
_AFTER_DEFINITE = _table(nom="e e e en", acc="en e e en", dat="en en en en", gen="en en en en")
_AFTER_INDEFINITE = _table(nom="er e es en", acc="en e es en", dat="en en en en", gen="en en en en")
_ALONE = _table(nom="er e es e", acc="en e es e", dat="em er em en", gen="en er en er")
_RELATIVE = _table(nom="der die das die", acc="den die das die", dat="dem der dem denen")

_PRONOUNS: dict[tuple[int, bool] | str, dict[str, str]] = {
    (1, False): {"nom": "ich", "acc": "mich", "dat": "mir"},
    (1, True): {"nom": "wir", "acc": "uns", "dat": "uns"},
    (3, True): {"nom": "sie", "acc": "sie", "dat": "ihnen"},
    "m": {"nom": "er", "acc": "ihn", "dat": "ihm"},
    "f": {"nom": "sie", "acc": "sie", "dat": "ihr"},
}
_OWNERS: dict[tuple[int, bool] | str, str] = {
    (1, False): "mein", (1, True): "unser", (3, True): "ihr", "m": "sein", "f": "ihr",
}

CONTRACTIONS = {("in", "dem"): "im", ("in", "das"): "ins", ("von", "dem"): "vom"}

# First and third person singular, plural.
HABEN = ("habe", "hat", "haben")
SEIN = ("bin", "ist", "sind")
WAR = ("war", "war", "waren")
WERDEN = ("werde", "wird", "werden")
WURDE = ("wurde", "wurde", "wurden")


def auxiliary(table: tuple[str, str, str], plural: bool, first: bool) -> str:
    """The form of an auxiliary that agrees."""
    return table[2] if plural else table[0 if first else 1]


def present(verb: Verb, plural: bool, first: bool) -> str:
    """The present form, without the separable prefix."""
    if plural:
        return verb.german
    if first:
        return verb.german_first or verb.german.removesuffix("n")
    return verb.german_third


def pronoun(one: Pronoun, case: str) -> str:
    """ich, ihn, uns …"""
    return _PRONOUNS[_key(one)][case]


def relative_pronoun(gender: str, case: str) -> str:
    """der, den, denen …"""
    return _RELATIVE[case][gender]


def determiner(one: Determiner, gender: str, case: str) -> list[str]:
    """The article, number or possessive; an empty list where there is none."""
    if one.kind == "definite":
        return [_DEFINITE[case][gender]]
    if one.kind in ("this", "every"):
        return [("dies" if one.kind == "this" else "jed") + _STRONG[case][gender]]
    if one.kind in ("indefinite", "no"):
        return [("ein" if one.kind == "indefinite" else "kein") + _POSSESSIVE[case][gender]]
    if one.kind == "number":
        return [NUMBERS[one.count][1]]
    if isinstance(one.owner, Name):
        return [f"{one.owner.text}s"]
    if one.owner is not None:
        return [_OWNERS[_key(one.owner)] + _POSSESSIVE[case][gender]]
    return []


def adjective_ending(one: Determiner, gender: str, case: str) -> str:
    """The ending that an adjective takes after this determiner."""
    if one.kind in ("definite", "this", "every"):
        return _AFTER_DEFINITE[case][gender]
    if one.kind in ("bare", "number") or isinstance(one.owner, Name):
        return _ALONE[case][gender]
    return _AFTER_INDEFINITE[case][gender]


def adjective(stem: str, ending: str) -> str:
    """`groß` + `en`; `müde` drops its e."""
    return stem.removesuffix("e") + ending


def noun(one: Noun, compound: CompoundPart | None, plural: bool, case: str) -> str:
    """The noun in number and case; a compound is one word: `Küchen` + `tisch`."""
    if plural:
        form = one.german_plural
        if case == "dat" and not form.endswith(("n", "s")):
            form += "n"
    elif case == "gen":
        form = one.genitive
    else:
        form = one.german if case == "nom" else one.oblique
    return compound.german + form.lower() if compound else form


def _key(one: Pronoun) -> tuple[int, bool] | str:
    """Only the third person singular has a gender."""
    return one.gender if one.person == 3 and not one.plural else (one.person, one.plural)
