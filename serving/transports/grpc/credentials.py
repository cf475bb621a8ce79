"""What gRPC's connections are encrypted with: the certificate that is in the files now, for each new one."""

from typing import Any

import grpc

from serving.access.certificates import Certificates
from serving.transports.tls import Renewed, context_of


def grpc_credentials(certificates: Certificates) -> Any:
    """Raises `CertificatesUnusable`."""
    renewed = Renewed(certificates, _configuration)
    return grpc.dynamic_ssl_server_credentials(renewed.get(), renewed.get, certificates.ca_certs is not None)


def _configuration(certificates: Certificates) -> Any:
    context_of(certificates)  # grpc would not say what is wrong
    key = (certificates.keyfile or certificates.certfile).read_bytes()
    authorities = certificates.ca_certs.read_bytes() if certificates.ca_certs is not None else None
    return grpc.ssl_server_certificate_configuration([(key, certificates.certfile.read_bytes())], authorities)
