from serving.exposition import head, histogram_lines, labels


def test_a_metric_begins_with_what_it_is() -> None:
    assert head("up", "gauge", "Whether it is.") == "# HELP up Whether it is.\n# TYPE up gauge\n"


def test_labels_are_sorted_and_any_text_is_a_value() -> None:
    assert labels({"version": "1", "model": 'a"b\\c\nd'}) == '{model="a\\"b\\\\c\\nd",version="1"}'


def test_a_histogram_counts_up_to_each_bound_and_all() -> None:
    lines = histogram_lines("wait", lambda **more: labels({"model": "m", **more}), ["0.1", "1"], [2, 5, 6], 3.5)
    assert "".join(lines) == (
        'wait_bucket{le="0.1",model="m"} 2\nwait_bucket{le="1",model="m"} 5\nwait_bucket{le="+Inf",model="m"} 6\n'
        'wait_count{model="m"} 6\nwait_sum{model="m"} 3.5\n'
    )
