from pathlib import Path

import pytest

from serving.access.certificates import Certificates
from serving.access.keys import Key, digest_of
from serving.doctor.access import examine
from serving.doctor.finding import Grade
from serving.settings import Access, Settings
from tests.doctor_findings import grades, troubles

KEYS = (Key("shop", digest_of("secret")),)
SHOWN = Certificates(Path("server.pem"))
MUTUAL = Certificates(Path("server.pem"), ca_certs=Path("clients.pem"))
OK, WARNING = Grade.OK, Grade.WARNING


@pytest.mark.parametrize(
    ("host", "access", "grade", "says"),
    [
        ("127.0.0.1", Access(), OK, "only those on this machine"),
        ("::1", Access(), OK, "only those on this machine"),
        ("0.0.0.0", Access(), WARNING, "may ask every model, without a key"),
        ("0.0.0.0", Access(certificates=SHOWN), WARNING, "without a key"),
        ("0.0.0.0", Access(keys=KEYS), WARNING, "unencrypted"),
        ("0.0.0.0", Access(keys=KEYS, certificates=SHOWN), OK, "need a key"),
        ("0.0.0.0", Access(certificates=MUTUAL), OK, "need a certificate of their own"),
    ],
)
def test_who_may_ask_is_told_with_what_closes_it(host: str, access: Access, grade: Grade, says: str) -> None:
    found = examine(Settings(Path(), host=host, access=access))
    assert grades(found) == {"callers": grade}
    assert says in found[0].says


def test_a_port_for_changes_that_others_reach_needs_keys() -> None:
    (open_to_all,) = troubles(examine(Settings(Path(), access=Access(admin_port=9, admin_host="0.0.0.0"))))
    assert open_to_all.what == "changes"
    with_keys = Access(keys=KEYS, admin_port=9, admin_host="0.0.0.0")
    assert troubles(examine(Settings(Path(), access=with_keys))) == []
