from collections.abc import Iterator

import grpc
import pytest

from serving import errors
from serving.transports import status


def tree(error: type[errors.SlipwayError]) -> Iterator[type[errors.SlipwayError]]:
    for child in error.__subclasses__():
        if child.__module__ == errors.__name__:  # tests may have errors of their own
            yield child
            yield from tree(child)


@pytest.mark.parametrize("error", list(tree(errors.SlipwayError)))
def test_every_error_has_its_row(error: type[errors.SlipwayError]) -> None:
    for path in ("/v2/models/m/infer", "/v1/models/m/classify"):
        assert 400 <= status.http_status(error("x"), path) < 600
    assert error in status.GRPC_STATUS
    assert error in status.HTTP_STATUS


def test_a_clients_fault_is_never_a_500() -> None:
    faults = (errors.InvalidInput, errors.ModelNotFound, errors.VersionNotFound, errors.BodyTooLarge)
    assert all(status.http_status(error("x"), "/v2") < 500 for error in faults)


def test_people_get_404_for_a_model_that_is_not_there_and_triton_clients_400() -> None:
    error = errors.ModelNotFound("x")
    assert status.http_status(error, "/v1/models/m/classify") == 404
    assert status.http_status(error, "/v2/models/m/infer") == 400


def test_a_models_own_kind_of_error_has_the_status_of_what_it_is() -> None:
    class NoSuchWord(errors.InvalidInput):
        pass

    assert status.http_status(NoSuchWord("x"), "/v2/models/m/infer") == 400
    assert status.grpc_status(NoSuchWord("x")) is grpc.StatusCode.INVALID_ARGUMENT
