"""The demo's words: what each is in English and German, how it inflects, and what it goes with.

One line a word, hence a long file; the columns are named where each table begins. Irregular forms are written out,
regular ones are made by `english` and `morphology`. Read `meaning` next.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Noun:
    """A common noun. `gender` is m, f or n; `kind` decides which verbs and adjectives it goes with.

    `oblique` is the German singular outside the nominative (only weak nouns differ); `genitive` its genitive singular.
    """

    english: str
    english_plural: str
    german: str
    german_plural: str
    gender: str
    genitive: str
    oblique: str
    kind: str


@dataclass(frozen=True)
class CompoundPart:
    """The first noun of a compound: `kitchen table` is `Küchen` + `tisch`, one word."""

    english: str
    german: str


@dataclass(frozen=True)
class Name:
    """A person's name, which takes no article; its genitive ends in s."""

    text: str
    gender: str


@dataclass(frozen=True)
class Verb:
    """A verb and its frame.

    Attributes:
        english, third, past, participle: base form, third person singular, simple past and past participle.
        german: infinitive without the separable prefix.
        german_third: third person singular, present.
        german_participle: past participle, with the separable prefix.
        prefix: the separable prefix ("" where there is none): `ruft … an`, `anruft`, `anzurufen`.
        auxiliary: of the perfect, haben or sein.
        frame: none | accusative | dative | both | direction | that | whether | infinitive.
        subjects, objects: the kinds of noun it takes.
        particle: English word after the verb (`gets up`, `looks for`): "up" is a particle, "for" and "to" prepositions.
        tool: whether `with a hammer` can say how it is done.
        german_first: first person singular, where it is not stem + e.
    """

    english: str
    third: str
    past: str
    participle: str
    german: str
    german_third: str
    german_participle: str
    frame: str
    subjects: tuple[str, ...]
    objects: tuple[str, ...] = ()
    prefix: str = ""
    auxiliary: str = "haben"
    particle: str = ""
    tool: bool = False
    german_first: str = ""


@dataclass(frozen=True)
class Modal:
    """A modal verb; `english` is the whole group before the infinitive (`wants to` is want + to)."""

    english: str
    german_singular: str
    german_plural: str
    takes_to: bool = False


@dataclass(frozen=True)
class Adjective:
    """An adjective and the kinds of noun it goes with."""

    english: str
    german: str
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Preposition:
    """A preposition and the German case that it governs."""

    english: str
    german: str
    case: str


@dataclass(frozen=True)
class Adverb:
    """An adverb of time (last or first in an English clause) or of frequency (before its verb), and its tenses."""

    english: str
    german: str
    tenses: tuple[str, ...]
    frequent: bool = False


def _nouns(kind: str, table: str) -> tuple[Noun, ...]:
    """English, its plural, German, its plural, gender, genitive; a seventh column is a weak noun's oblique form."""
    made = []
    for line in table.strip().splitlines():
        english, plural, german, german_plural, gender, genitive, *weak = line.split()
        made.append(Noun(english, plural, german, german_plural, gender, genitive, weak[0] if weak else german, kind))
    return tuple(made)


NOUNS: tuple[Noun, ...] = (
    *_nouns("person", """
        man       men        Mann      Männer       m Mannes
        boy       boys       Junge     Jungen       m Jungen    Jungen
        king      kings      König     Könige       m Königs
        teacher   teachers   Lehrer    Lehrer       m Lehrers
        neighbour neighbours Nachbar   Nachbarn     m Nachbarn  Nachbarn
        doctor    doctors    Arzt      Ärzte        m Arztes
        student   students   Student   Studenten    m Studenten Studenten
        woman     women      Frau      Frauen       f Frau
        queen     queens     Königin   Königinnen   f Königin
        aunt      aunts      Tante     Tanten       f Tante
        daughter  daughters  Tochter   Töchter      f Tochter
        child     children   Kind      Kinder       n Kindes
        girl      girls      Mädchen   Mädchen      n Mädchens
    """),
    *_nouns("animal", """
        dog       dogs       Hund      Hunde        m Hundes
        bird      birds      Vogel     Vögel        m Vogels
        cat       cats       Katze     Katzen       f Katze
        mouse     mice       Maus      Mäuse        f Maus
        horse     horses     Pferd     Pferde       n Pferdes
    """),
    *_nouns("food", """
        apple     apples     Apfel     Äpfel        m Apfels
        cake      cakes      Kuchen    Kuchen       m Kuchens
        soup      soups      Suppe     Suppen       f Suppe
        pear      pears      Birne     Birnen       f Birne
        egg       eggs       Ei        Eier         n Eies
    """),
    *_nouns("text", """
        letter    letters    Brief     Briefe       m Briefes
        newspaper newspapers Zeitung   Zeitungen    f Zeitung
        book      books      Buch      Bücher       n Buches
        poem      poems      Gedicht   Gedichte     n Gedichts
    """),
    *_nouns("furniture", """
        table     tables     Tisch     Tische       m Tisches
        chair     chairs     Stuhl     Stühle       m Stuhls
        cupboard  cupboards  Schrank   Schränke     m Schranks
        lamp      lamps      Lampe     Lampen       f Lampe
        door      doors      Tür       Türen        f Tür
        window    windows    Fenster   Fenster      n Fensters
    """),
    *_nouns("garment", """
        coat      coats      Mantel    Mäntel       m Mantels
        hat       hats       Hut       Hüte         m Hutes
        bag       bags       Tasche    Taschen      f Tasche
        dress     dresses    Kleid     Kleider      n Kleides
    """),
    *_nouns("tool", """
        hammer    hammers    Hammer    Hämmer       m Hammers
        key       keys       Schlüssel Schlüssel    m Schlüssels
        fork      forks      Gabel     Gabeln       f Gabel
        knife     knives     Messer    Messer       n Messers
    """),
    *_nouns("place", """
        garden    gardens    Garten    Gärten       m Gartens
        forest    forests    Wald      Wälder       m Waldes
        kitchen   kitchens   Küche     Küchen       f Küche
        city      cities     Stadt     Städte       f Stadt
        school    schools    Schule    Schulen      f Schule
        house     houses     Haus      Häuser       n Hauses
        village   villages   Dorf      Dörfer       n Dorfes
    """),
)

COMPOUND_PARTS: dict[str, tuple[CompoundPart, ...]] = {
    "furniture": (CompoundPart("kitchen", "Küchen"), CompoundPart("garden", "Garten"), CompoundPart("school", "Schul")),
    "garment": (CompoundPart("winter", "Winter"), CompoundPart("summer", "Sommer"), CompoundPart("wool", "Woll")),
}

NAMES: tuple[Name, ...] = (Name("Anna", "f"), Name("Maria", "f"), Name("Peter", "m"), Name("Martin", "m"))

_PERSON = ("person",)
_LIVING = ("person", "animal")
_GOODS = ("food", "text", "furniture", "garment", "tool")
_ANY = (*_LIVING, *_GOODS)

VERBS: tuple[Verb, ...] = (
    Verb("sleep", "sleeps", "slept", "slept", "schlafen", "schläft", "geschlafen", "none", _LIVING),
    Verb("laugh", "laughs", "laughed", "laughed", "lachen", "lacht", "gelacht", "none", _PERSON),
    Verb("work", "works", "worked", "worked", "arbeiten", "arbeitet", "gearbeitet", "none", _PERSON),
    Verb("dance", "dances", "danced", "danced", "tanzen", "tanzt", "getanzt", "none", _PERSON),
    Verb("get", "gets", "got", "got", "stehen", "steht", "aufgestanden", "none", _PERSON,
         prefix="auf", auxiliary="sein", particle="up"),
    Verb("see", "sees", "saw", "seen", "sehen", "sieht", "gesehen", "accusative", _LIVING, _ANY),
    Verb("hear", "hears", "heard", "heard", "hören", "hört", "gehört", "accusative", _LIVING, _LIVING),
    Verb("love", "loves", "loved", "loved", "lieben", "liebt", "geliebt", "accusative", _PERSON, _LIVING),
    Verb("know", "knows", "knew", "known", "kennen", "kennt", "gekannt", "accusative", _PERSON, _PERSON),
    Verb("visit", "visits", "visited", "visited", "besuchen", "besucht", "besucht", "accusative", _PERSON, _PERSON),
    Verb("look", "looks", "looked", "looked", "suchen", "sucht", "gesucht", "accusative", _LIVING, _ANY,
         particle="for"),
    Verb("find", "finds", "found", "found", "finden", "findet", "gefunden", "accusative", _LIVING, _GOODS),
    Verb("buy", "buys", "bought", "bought", "kaufen", "kauft", "gekauft", "accusative", _PERSON, _GOODS),
    Verb("carry", "carries", "carried", "carried", "tragen", "trägt", "getragen", "accusative", _PERSON, _GOODS),
    Verb("read", "reads", "read", "read", "lesen", "liest", "gelesen", "accusative", _PERSON, ("text",)),
    Verb("write", "writes", "wrote", "written", "schreiben", "schreibt", "geschrieben", "accusative", _PERSON,
         ("text",)),
    Verb("eat", "eats", "ate", "eaten", "essen", "isst", "gegessen", "accusative", _LIVING, ("food",), tool=True),
    Verb("cut", "cuts", "cut", "cut", "schneiden", "schneidet", "geschnitten", "accusative", _PERSON, ("food",),
         tool=True),
    Verb("repair", "repairs", "repaired", "repaired", "reparieren", "repariert", "repariert", "accusative", _PERSON,
         ("furniture", "tool"), tool=True),
    Verb("open", "opens", "opened", "opened", "machen", "macht", "aufgemacht", "accusative", _PERSON, ("furniture",),
         prefix="auf", tool=True),
    Verb("close", "closes", "closed", "closed", "machen", "macht", "zugemacht", "accusative", _PERSON, ("furniture",),
         prefix="zu", tool=True),
    Verb("call", "calls", "called", "called", "rufen", "ruft", "angerufen", "accusative", _PERSON, _PERSON,
         prefix="an"),
    Verb("invite", "invites", "invited", "invited", "laden", "lädt", "eingeladen", "accusative", _PERSON, _PERSON,
         prefix="ein"),
    Verb("throw", "throws", "threw", "thrown", "werfen", "wirft", "weggeworfen", "accusative", _PERSON, _GOODS,
         prefix="weg", particle="away"),
    Verb("help", "helps", "helped", "helped", "helfen", "hilft", "geholfen", "dative", _PERSON, _LIVING),
    Verb("thank", "thanks", "thanked", "thanked", "danken", "dankt", "gedankt", "dative", _PERSON, _PERSON),
    Verb("follow", "follows", "followed", "followed", "folgen", "folgt", "gefolgt", "dative", _LIVING, _LIVING,
         auxiliary="sein"),
    Verb("listen", "listens", "listened", "listened", "hören", "hört", "zugehört", "dative", _PERSON, _PERSON,
         prefix="zu", particle="to"),
    Verb("give", "gives", "gave", "given", "geben", "gibt", "gegeben", "both", _PERSON, _GOODS),
    Verb("show", "shows", "showed", "shown", "zeigen", "zeigt", "gezeigt", "both", _PERSON, _GOODS),
    Verb("send", "sends", "sent", "sent", "schicken", "schickt", "geschickt", "both", _PERSON, _GOODS),
    Verb("go", "goes", "went", "gone", "gehen", "geht", "gegangen", "direction", _LIVING, auxiliary="sein"),
    Verb("run", "runs", "ran", "run", "laufen", "läuft", "gelaufen", "direction", _LIVING, auxiliary="sein"),
    Verb("say", "says", "said", "said", "sagen", "sagt", "gesagt", "that", _PERSON),
    Verb("believe", "believes", "believed", "believed", "glauben", "glaubt", "geglaubt", "that", _PERSON),
    Verb("know", "knows", "knew", "known", "wissen", "weiß", "gewusst", "that", _PERSON, german_first="weiß"),
    Verb("ask", "asks", "asked", "asked", "fragen", "fragt", "gefragt", "whether", _PERSON),
    Verb("try", "tries", "tried", "tried", "versuchen", "versucht", "versucht", "infinitive", _PERSON),
    Verb("begin", "begins", "began", "begun", "fangen", "fängt", "angefangen", "infinitive", _PERSON, prefix="an"),
)

MODALS: tuple[Modal, ...] = (
    Modal("can", "kann", "können"),
    Modal("must", "muss", "müssen"),
    Modal("should", "soll", "sollen"),
    Modal("want", "will", "wollen", takes_to=True),
)

ADJECTIVES: tuple[Adjective, ...] = (
    Adjective("big", "groß", (*_ANY, "place")),
    Adjective("small", "klein", (*_ANY, "place")),
    Adjective("old", "alt", (*_LIVING, "text", "furniture", "garment", "tool", "place")),
    Adjective("beautiful", "schön", (*_LIVING, "text", "furniture", "garment", "place")),
    Adjective("young", "jung", _LIVING),
    Adjective("tired", "müde", _LIVING),
    Adjective("hungry", "hungrig", _LIVING),
    Adjective("clever", "klug", _LIVING),
    Adjective("new", "neu", ("text", "furniture", "garment", "tool", "place")),
    Adjective("red", "rot", ("food", "furniture", "garment")),
    Adjective("cheap", "billig", _GOODS),
    Adjective("heavy", "schwer", ("furniture", "garment", "tool")),
)

PLACE_PREPOSITIONS: tuple[Preposition, ...] = (
    Preposition("in", "in", "dat"),
    Preposition("behind", "hinter", "dat"),
    Preposition("in front of", "vor", "dat"),
)
INTO = Preposition("into", "in", "acc")
WITH = Preposition("with", "mit", "dat")
FROM = Preposition("from", "aus", "dat")
BY = Preposition("by", "von", "dat")

ADVERBS: tuple[Adverb, ...] = (
    Adverb("today", "heute", ("present", "past", "future", "modal")),
    Adverb("yesterday", "gestern", ("past",)),
    Adverb("tomorrow", "morgen", ("future", "modal")),
    Adverb("now", "jetzt", ("present", "modal")),
    Adverb("often", "oft", ("present", "past"), frequent=True),
    Adverb("always", "immer", ("present", "past"), frequent=True),
    Adverb("sometimes", "manchmal", ("present", "past"), frequent=True),
)

# Subordinating conjunctions: the German clause after each ends in its verb.
SUBORDINATORS: tuple[tuple[str, str], ...] = (
    ("because", "weil"), ("if", "wenn"), ("although", "obwohl"), ("while", "während"), ("before", "bevor"),
)

# The two coordinating conjunctions; German sets a comma before the second.
COORDINATORS: tuple[tuple[str, str], ...] = (("and", "und"), ("but", "aber"))

_UNITS = ((2, "two", "zwei"), (3, "three", "drei"), (4, "four", "vier"), (5, "five", "fünf"), (6, "six", "sechs"),
          (7, "seven", "sieben"), (8, "eight", "acht"), (9, "nine", "neun"))
_TENS = ((20, "twenty", "zwanzig"), (30, "thirty", "dreißig"), (40, "forty", "vierzig"))

# Cardinals: number → (English words, German word); `twenty three` is `dreiundzwanzig`, units first and in one word.
NUMBERS: dict[int, tuple[tuple[str, ...], str]] = {
    **{value: ((english,), german) for value, english, german in (*_UNITS, *_TENS)},
    **{
        tens + units: ((english_tens, english_units), f"{german_units}und{german_tens}")
        for tens, english_tens, german_tens in _TENS
        for units, english_units, german_units in _UNITS
    },
}
