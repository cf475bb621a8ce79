"""Dates as people write them, in several languages and orders, each with its ISO form.

Rule: a text means one date to any reader. Numbers alone come with the year first or, between dots, with the day first;
`03/04/2021`, which is in March or in April, is never written. Two digits of a year mean 1969 to 2068, as POSIX has it.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from training.data.card import Card
from training.data.pairs import Pair, PairSplits
from training.data.splits import share_of

FIRST, LAST = date(1900, 1, 1), date(2099, 12, 31)

_HELD_OUT = 0.05  # of all days
_TWO_DIGITS = range(1969, 2069)  # years that they can mean


@dataclass(frozen=True, slots=True)
class Language:
    """From January and from Monday on. A pattern's fields are those of `_fields`."""

    months: tuple[str, ...]
    short_months: tuple[str, ...]
    weekdays: tuple[str, ...]
    patterns: tuple[str, ...]
    first: str = "1"
    """How the first day of a month is written."""


def _language(months: str, short_months: str, weekdays: str, patterns: str, first: str = "1") -> Language:
    written = tuple(pattern.strip() for pattern in patterns.split("|"))
    return Language(tuple(months.split()), tuple(short_months.split()), tuple(weekdays.split()), written, first)


LANGUAGES = {
    "English": _language(
        "January February March April May June July August September October November December",
        "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
        "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
        "{d} {month} {y} | {month} {d}, {y} | {month} {nth}, {y} | {nth} of {month} {y} | the {nth} of {month}, {y} |"
        "{weekday}, {month} {d}, {y} | {weekday} {nth} {month} {y} | {mon} {d}, {y} | {mon}. {d}, {y} | {mon} {d} {y} |"
        "{dd} {mon} {y} | {dd}-{mon}-{y} | {mon} {d}, {yy} | {d} {mon} {yy} | {dd}-{mon}-{yy} | {y} {mon} {d}",
    ),
    "German": _language(
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez",
        "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
        "{d}. {month} {y} | den {d}. {month} {y} | {weekday}, {d}. {month} {y} | {weekday}, den {d}. {month} {y} |"
        "{d}. {mon}. {y} | {dd}. {mon} {y} | {d}. {month} {yy}",
    ),
    "French": _language(
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
        "lundi mardi mercredi jeudi vendredi samedi dimanche",
        "{d} {month} {y} | le {d} {month} {y} | {weekday} {d} {month} {y} | le {weekday} {d} {month} {y} |"
        "{d} {mon} {y}",
        "1er",
    ),
    "Spanish": _language(
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "ene feb mar abr may jun jul ago sep oct nov dic",
        "lunes martes miércoles jueves viernes sábado domingo",
        "{d} de {month} de {y} | el {d} de {month} de {y} | {weekday}, {d} de {month} de {y} | {d} {mon} {y} |"
        "{d} de {month} del {y} | {dd}-{mon}-{y}",
    ),
    "Italian": _language(
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        "gen feb mar apr mag giu lug ago set ott nov dic",
        "lunedì martedì mercoledì giovedì venerdì sabato domenica",
        "{d} {month} {y} | il {d} {month} {y} | {weekday} {d} {month} {y} | {d} {mon} {y} | {dd}-{mon}-{y}",
        "1º",
    ),
    "Portuguese": _language(
        "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
        "jan fev mar abr mai jun jul ago set out nov dez",
        "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
        "{d} de {month} de {y} | {weekday}, {d} de {month} de {y} | {d} {mon}. {y} | em {d} de {month} de {y}",
        "1º",
    ),
    "Dutch": _language(
        "januari februari maart april mei juni juli augustus september oktober november december",
        "jan feb mrt apr mei jun jul aug sep okt nov dec",
        "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
        "{d} {month} {y} | {weekday} {d} {month} {y} | op {d} {month} {y} | {d} {mon}. {y}",
    ),
    "Swedish": _language(
        "januari februari mars april maj juni juli augusti september oktober november december",
        "jan feb mar apr maj jun jul aug sep okt nov dec",
        "måndag tisdag onsdag torsdag fredag lördag söndag",
        "{d} {month} {y} | den {d} {month} {y} | {weekday} den {d} {month} {y} | {d} {mon} {y}",
    ),
    "Polish": _language(
        "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
        "sty lut mar kwi maj cze lip sie wrz paź lis gru",
        "poniedziałek wtorek środa czwartek piątek sobota niedziela",
        "{d} {month} {y} | {d} {month} {y} r. | {weekday}, {d} {month} {y} | {d} {mon} {y}",
    ),
    "numbers": _language(
        "1 2 3 4 5 6 7 8 9 10 11 12",
        "1 2 3 4 5 6 7 8 9 10 11 12",
        "1 2 3 4 5 6 7",
        "{y}-{mm}-{dd} | {y}/{mm}/{dd} | {y}/{m}/{d} | {y}.{mm}.{dd} | {y}{mm}{dd} | {dd}.{mm}.{y} | {d}.{m}.{y} |"
        "{d}. {m}. {y} | {dd}.{mm}.{yy} | {d}.{m}.{yy} | {y}年{m}月{d}日",
    ),
}


def load(train: int, validation: int, test: int, seed: int = 20) -> PairSplits:
    """So many texts each; no day that is held out is among those to learn from, or on another side, however it is
    written."""
    chance = random.Random(seed)
    days = [FIRST + timedelta(number) for number in range((LAST - FIRST).days + 1)]
    counts = {"train": train, "validation": validation, "test": test}
    made = {
        side: tuple(_written([day for day in days if side_of(day) == side], count, chance))
        for side, count in counts.items()
    }
    card = Card(f"made-up texts of days from {FIRST} to {LAST}", sum(counts.values()), {}, counts)
    return PairSplits(made["train"], made["validation"], made["test"], card, folds=True)


def side_of(day: date) -> str:
    share = share_of(day.isoformat().encode())
    return "train" if share >= _HELD_OUT else "validation" if share >= _HELD_OUT / 2 else "test"


def write(day: date, language: Language, pattern: str) -> str:
    return pattern.format(**_fields(day, language))


def _written(days: list[date], count: int, chance: random.Random) -> Iterator[Pair]:
    """Every pattern comes equally often, but for years that it can't say."""
    patterns = [(language, pattern) for language in LANGUAGES.values() for pattern in language.patterns]
    while count:
        day, (language, pattern) = chance.choice(days), chance.choice(patterns)
        if "{yy}" in pattern and day.year not in _TWO_DIGITS:
            continue
        yield Pair(write(day, language, pattern), day.isoformat())
        count -= 1


def _fields(day: date, language: Language) -> dict[str, str]:
    return {
        "d": language.first if day.day == 1 else str(day.day),
        "dd": f"{day.day:02}",
        "nth": f"{day.day}{_ordinal(day.day)}",
        "m": str(day.month),
        "mm": f"{day.month:02}",
        "mon": language.short_months[day.month - 1],
        "month": language.months[day.month - 1],
        "weekday": language.weekdays[day.weekday()],
        "y": str(day.year),
        "yy": f"{day.year % 100:02}",
    }


def _ordinal(number: int) -> str:
    if number in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
