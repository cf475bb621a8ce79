import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from serving.access.certificates import Certificates
from serving.doctor.certificates import examine
from serving.doctor.finding import Grade
from tests.doctor_findings import grades

NOW = datetime.now(UTC)
PEM = serialization.Encoding.PEM


def made(folder: Path, name: str, start: int, end: int, key: ec.EllipticCurvePrivateKey | None = None) -> Path:
    """Certificate and key in one file, good between these days from now."""
    own = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(own.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW + timedelta(start)).not_valid_after(NOW + timedelta(end))
    builder = builder.add_extension(x509.BasicConstraints(ca=key is None, path_length=None), critical=True)
    format_ = serialization.PrivateFormat.PKCS8
    text = builder.sign(own, hashes.SHA256()).public_bytes(PEM)
    text += (key or own).private_bytes(PEM, format_, serialization.NoEncryption())
    (folder / f"{name}.pem").write_bytes(text)
    return folder / f"{name}.pem"


@pytest.mark.parametrize(
    ("start", "end", "grade", "says"),
    [
        (-1, 100, Grade.OK, "lasts 100 days more"),
        (-1, 3, Grade.WARNING, "expires in 3 days"),
        (-9, -2, Grade.PROBLEM, "certificate has expired"),
        (2, 9, Grade.PROBLEM, "certificate is not yet valid"),
    ],
)
def test_a_certificate_is_told_by_its_time(tmp_path: Path, start: int, end: int, grade: Grade, says: str) -> None:
    (found,) = examine(Certificates(made(tmp_path, "server", start, end)), NOW.timestamp())
    assert found.grade is grade
    assert says in found.says


def test_those_who_sign_callers_certificates_have_their_time_too(tmp_path: Path) -> None:
    server, authority = made(tmp_path, "server", -1, 100), made(tmp_path, "authority", -9, -2)
    found = examine(Certificates(server, ca_certs=authority), NOW.timestamp())
    assert list(grades(found).values()) == [Grade.OK, Grade.PROBLEM]
    assert found[1].says == "expired 2 days ago"


def test_a_key_of_another_certificate_is_a_problem(tmp_path: Path) -> None:
    (found,) = examine(Certificates(made(tmp_path, "a", -1, 9, ec.generate_private_key(ec.SECP256R1()))), 0)
    assert "can't be used as a certificate and its key" in found.says
    (absent,) = examine(Certificates(tmp_path / "no.pem"), 0)
    assert os.strerror(2).lower() in absent.says


def test_a_file_that_holds_no_authorities_is_a_problem_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "none.pem").touch()
    server = made(tmp_path, "server", -1, 100)
    (found,) = examine(Certificates(server, ca_certs=tmp_path / "none.pem"), NOW.timestamp())
    assert (found.grade, found.what) == (Grade.PROBLEM, "authorities")
    assert found.fix.startswith("--ssl-ca-certs")


def test_without_one_there_is_nothing_to_say() -> None:
    assert examine(None, 0) == []
