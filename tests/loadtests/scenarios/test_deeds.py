import pytest

from loadtests.asking import CannotTest
from loadtests.clients.trust import THE_KNOWN
from loadtests.scenarios.deeds import Deeds
from loadtests.scenarios.scenario import Deed
from tests.running_server import RunningServer


def test_a_model_that_can_not_be_loaded_is_told(changeable: RunningServer) -> None:
    with pytest.raises(CannotTest, match=r"/v2/repository/models/nobody/load answered 4.*nobody"):
        Deeds(changeable.url, (), THE_KNOWN).do(Deed.RELOAD, "nobody")


def test_a_server_that_takes_no_orders_is_told_with_what_to_do(tiny_server: RunningServer) -> None:
    with pytest.raises(CannotTest, match="served with --model-control-mode explicit"):
        Deeds(tiny_server.url, (), THE_KNOWN).do(Deed.RESTART, "double")
