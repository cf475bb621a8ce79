from loadtests.exposition import samples

TEXT = """# HELP up words 1
up 1
asked{model="m",version="1"} 2.5e3
"""


def test_each_sample_has_its_name_labels_and_value() -> None:
    assert list(samples(TEXT)) == [("up", "", "1"), ("asked", 'model="m",version="1"', "2.5e3")]
