import yaml

from loadtests.report.yaml_text import yaml_text


def test_it_is_yaml() -> None:
    values = {"replicas": 3, "resources": {"requests": {"cpu": "500m", "memory": "64Mi"}}, "rate": 1.5}
    assert yaml.safe_load(yaml_text(values)) == values
