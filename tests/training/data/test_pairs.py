from training.data.pairs import Pair, sides

PAIRS = [Pair(f"Text  {number}", str(number)) for number in range(300)]


def test_a_text_decides_its_side_and_none_is_on_two() -> None:
    chosen, dropped = sides(PAIRS, folds=False)

    assert sorted(row for rows in chosen.values() for row in rows) == list(range(300))
    assert [round(len(chosen[side]) / 300, 1) for side in ("train", "validation", "test")] == [0.6, 0.2, 0.2]
    assert dropped == {}
    assert sides(PAIRS[:100], folds=False)[0]["test"] == [row for row in chosen["test"] if row < 100]


def test_texts_that_differ_in_case_and_space_are_on_the_same_side() -> None:
    others = [Pair(pair.text.upper().replace("  ", " "), pair.answer) for pair in PAIRS]

    assert sides(others, folds=False)[0] == sides(PAIRS, folds=False)[0]


def test_what_comes_twice_is_counted_and_so_is_what_contradicts_itself() -> None:
    given = [*PAIRS, PAIRS[0], Pair("TEXT 0", "0"), Pair("text 1", "one")]

    exact, folding = sides(given, folds=False), sides(given, folds=True)

    assert exact[1] == {"duplicate": 1}
    assert folding[1] == {"duplicate": 2, "of a text with two answers": 2}
    assert sum(map(len, folding[0].values())) == 299
