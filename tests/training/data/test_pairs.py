from training.data.pairs import Pair, PairSplits


def test_a_fingerprint_is_of_every_text_and_of_the_side_it_is_on() -> None:
    one, other = Pair("a", "bc"), Pair("d", "e")
    splits = [
        PairSplits((one, other), ()),
        PairSplits((one,), (other,)),
        PairSplits((other, one), ()),
        PairSplits((Pair("ab", "c"), other), ()),
    ]

    assert len({split.fingerprint() for split in splits}) == 4
    assert splits[0].fingerprint() == PairSplits((Pair("a", "bc"), other), ()).fingerprint()
