from serving.exposition import head, labels


def test_a_metric_begins_with_what_it_is() -> None:
    assert head("up", "gauge", "Whether it is.") == "# HELP up Whether it is.\n# TYPE up gauge\n"


def test_labels_are_sorted_and_any_text_is_a_value() -> None:
    assert labels({"version": "1", "model": 'a"b\\c\nd'}) == '{model="a\\"b\\\\c\\nd",version="1"}'
