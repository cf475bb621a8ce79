"""Texts of so many words. Rule: common short words, most of which are a token to most tokenizers."""

from random import Random

_TEXT = (
    "time year people way day man thing woman life child world school state family student group country problem "
    "hand part place case week company system program question work government number night point home water room "
    "mother area money story fact month lot right study book eye job word business issue side kind head house "
    "service friend father power hour game line end member law car city name team minute idea body back parent face "
    "others level office door health person art war history party result change morning reason research girl guy"
)
_WORDS = _TEXT.split()


def text(words: int, random: Random) -> str:
    return " ".join(random.choices(_WORDS, k=words))
