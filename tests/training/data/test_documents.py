from training.data.documents import Document, paragraphs, split

DOCUMENTS = [Document(f"name {n}", f"This is what number {n} is about.") for n in range(400)]


def test_a_twentieth_of_the_names_is_held_out_and_nothing_is_lost() -> None:
    parts = split(DOCUMENTS)

    assert set(parts.train) | set(parts.held_out) == set(DOCUMENTS)
    assert not set(parts.train) & set(parts.held_out)
    assert 10 <= len(parts.held_out) <= 35


def test_a_name_stays_on_its_side_whatever_stands_beside_it() -> None:
    assert set(split(DOCUMENTS[:200]).held_out) == set(split(DOCUMENTS).held_out) & set(DOCUMENTS[:200])


def test_the_order_is_the_one_they_came_in() -> None:
    assert list(split(DOCUMENTS).train) == [each for each in DOCUMENTS if each in set(split(DOCUMENTS).train)]


def test_of_texts_that_differ_in_spaces_and_punctuation_the_first_is_kept() -> None:
    first, *_ = split(DOCUMENTS).train
    again = Document("another name", f"  {first.text.upper()}\n")

    assert split([*DOCUMENTS, again, Document("empty", " \n")]) == split(DOCUMENTS)


def test_what_shares_a_paragraph_with_training_text_is_not_held_out() -> None:
    learnt, held_out = split(DOCUMENTS).train[0], split(DOCUMENTS).held_out[0]
    leaking = Document(held_out.name, f"Something of its own, quite long.\n\n{learnt.text}")

    parts = split([leaking, *DOCUMENTS[:100]])

    assert leaking not in (*parts.train, *parts.held_out)


def test_paragraphs_of_a_few_words_are_anyones() -> None:
    assert paragraphs("For example:\n\n  The words,\n  as they ARE.\n\n\nEnd") == {"the words as they are"}


def test_a_fingerprint_tells_order_side_and_text() -> None:
    whole, fewer = split(DOCUMENTS), split(DOCUMENTS[:-1])

    assert whole.fingerprint() == split(DOCUMENTS).fingerprint()
    assert len({whole.fingerprint(), fewer.fingerprint(), split(DOCUMENTS[::-1]).fingerprint()}) == 3
