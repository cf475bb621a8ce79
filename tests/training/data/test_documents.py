from training.data.documents import Document, Documents, DocumentSplits, paragraphs, split

DOCUMENTS = tuple(Document(f"name {n}", f"This is what number {n} is about.") for n in range(400))


def parted(*documents: Document) -> DocumentSplits:
    return split(Documents("somewhere", documents, 0.1))


def test_a_share_of_the_names_is_held_out_half_for_each_purpose_and_nothing_is_lost() -> None:
    parts = parted(*DOCUMENTS)

    assert sorted([*parts.train, *parts.validation, *parts.test], key=str) == sorted(DOCUMENTS, key=str)
    assert 10 <= len(parts.validation) <= 30
    assert 10 <= len(parts.test) <= 30
    assert parts.card.kept == {name: len(getattr(parts, name)) for name in ("train", "validation", "test")}


def test_a_name_stays_on_its_side_whatever_stands_beside_it() -> None:
    assert set(parted(*DOCUMENTS[:200]).test) == set(parted(*DOCUMENTS).test) & set(DOCUMENTS[:200])


def test_a_text_without_a_name_decides_its_own_side_by_its_words() -> None:
    texts = [Document("", f"number {n}") for n in range(400)]
    other = [Document("", f"  Number\n{n}!") for n in range(400)]

    assert len(parted(*texts).test) > 5
    assert [it.text.split()[1] for it in parted(*texts).test] == [it.text.split()[1][:-1] for it in parted(*other).test]


def test_the_order_is_the_one_they_came_in() -> None:
    train = parted(*DOCUMENTS).train

    assert list(train) == [each for each in DOCUMENTS if each in set(train)]


def test_of_texts_that_differ_in_spaces_and_punctuation_the_first_is_kept_and_the_others_counted() -> None:
    first, *_ = parted(*DOCUMENTS).train
    again = Document("another name", f"  {first.text.upper()}\n")

    parts = parted(*DOCUMENTS, again, Document("empty", " \n"))

    assert parts.train == parted(*DOCUMENTS).train
    assert (parts.card.read, parts.card.dropped) == (402, {"duplicate": 1, "without a word": 1})


def test_paragraphs_that_are_learnt_from_are_taken_out_of_what_is_held_out() -> None:
    whole = parted(*DOCUMENTS)
    learnt, validated, tested = whole.train[0], whole.validation[0], whole.test[0]
    own = "Something of its own, quite long."
    leaking = Document(tested.name, f"{learnt.text}\n\n{own}\n\n{validated.text}")

    parts = parted(leaking, *(it for it in DOCUMENTS if it not in (validated, tested)))

    assert parts.test[0] == Document(tested.name, f"{own}\n\n{validated.text}")


def test_who_has_nothing_of_their_own_is_left_out() -> None:
    whole = parted(*DOCUMENTS)
    one, other = whole.train[:2]
    made = Document(whole.test[0].name, f"{one.text}\n\n{other.text}")

    parts = parted(made, *(it for it in DOCUMENTS if it.name != made.name))

    assert made.name not in {it.name for it in parts.test}
    assert parts.card.dropped == {"of nothing but paragraphs that others have": 1}


def test_paragraphs_of_a_few_words_are_anyones() -> None:
    assert paragraphs("For example:\n\n  The words,\n  as they ARE.\n\n\nEnd") == {"the words as they are"}
