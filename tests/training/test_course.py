import pytest

from training.classifier_course import ClassifierCourse
from training.course import choose
from training.errors import InvalidConfig, UnknownRecipe
from training.language.course import LanguageCourse
from training.seq2seq.course import Seq2seqCourse


def test_each_kind_of_recipe_has_its_course() -> None:
    assert isinstance(choose("digits-cnn", {}), ClassifierCourse)
    assert isinstance(choose("gpt-docs", {"size": "medium"}), LanguageCourse)
    assert isinstance(choose("dates-seq2seq", {}), Seq2seqCourse)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownRecipe, match="no recipe 'gpt'"):
        choose("gpt", {})


def test_what_a_recipe_is_not_trained_by_is_refused_as_it_was_typed() -> None:
    with pytest.raises(InvalidConfig, match="gpt-docs is not trained by --hidden; see what it takes: slipway train"):
        choose("gpt-docs", {"learning_rate": 0.1, "hidden": 3})
