import re
from datetime import date, timedelta

import pytest

from training.data.written_dates import FIRST, LANGUAGES, LAST, load, side_of, write


@pytest.mark.parametrize(
    ("language", "pattern", "day", "text"),
    [
        ("English", "{nth} of {month} {y}", date(2021, 5, 3), "3rd of May 2021"),
        ("English", "{mon} {d}, {yy}", date(2001, 11, 5), "Nov 5, 01"),
        ("English", "{weekday}, {month} {d}, {y}", date(2000, 1, 1), "Saturday, January 1, 2000"),
        ("German", "{d}. {month} {y}", date(1999, 3, 12), "12. März 1999"),
        ("French", "le {d} {month} {y}", date(1976, 7, 4), "le 4 juillet 1976"),
        ("French", "le {d} {month} {y}", date(1976, 7, 1), "le 1er juillet 1976"),
        ("Spanish", "{d} de {month} de {y}", date(2010, 1, 5), "5 de enero de 2010"),
        ("numbers", "{y}/{mm}/{dd}", date(2001, 11, 5), "2001/11/05"),
    ],
)
def test_days_are_written_as_people_write_them(language: str, pattern: str, day: date, text: str) -> None:
    assert pattern in LANGUAGES[language].patterns
    assert write(day, LANGUAGES[language], pattern) == text


@pytest.mark.parametrize(
    ("day", "ordinal"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (13, "13th"), (22, "22nd")]
)
def test_english_days_are_counted(day: int, ordinal: str) -> None:
    assert write(date(2021, 5, day), LANGUAGES["English"], "{nth}") == ordinal


def test_languages_have_all_months_and_weekdays() -> None:
    for language in LANGUAGES.values():
        assert (len(language.months), len(language.short_months), len(language.weekdays)) == (12, 12, 7)


def test_no_text_means_two_days() -> None:
    """Whatever the language, of the days of three years whose numbers are easily mistaken for one another."""
    meanings: dict[str, date] = {}
    for year in (2001, 2011, 2012):
        for day in (date(year, 1, 1) + timedelta(number) for number in range(365)):
            for language in LANGUAGES.values():
                for pattern in language.patterns:
                    text = write(day, language, pattern).lower()
                    assert meanings.setdefault(text, day) == day, text


def test_two_digits_of_a_year_are_those_that_posix_means() -> None:
    splits = load(5000, 100, 400)
    short = [pair for pair in (*splits.train, *splits.validation, *splits.test) if pair.answer[:4] not in pair.text]

    assert len(short) > 200
    assert {pair.answer[2:4] in pair.text for pair in short} == {True}
    assert all("1969" <= pair.answer[:4] <= "2068" for pair in short)


def test_no_day_that_is_held_out_is_learnt_from() -> None:
    splits = load(5000, 100, 400)
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    learnt = {pair.answer for pair in splits.train}

    assert {name: len(part) for name, part in parts.items()} == {"train": 5000, "validation": 100, "test": 400}
    assert splits.card.kept == {"train": 5000, "validation": 100, "test": 400}
    assert all(side_of(date.fromisoformat(pair.answer)) == name for name, part in parts.items() for pair in part)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", answer) and str(FIRST) <= answer <= str(LAST) for answer in learnt)


def test_the_same_seed_gives_the_same_texts() -> None:
    assert load(50, 5, 5) == load(50, 5, 5) != load(50, 5, 5, seed=1)
