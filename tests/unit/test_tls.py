"""TLS is verified: a certificate that nobody trusts is refused, whatever the environment says.

A real https server on loopback. That it is reached once its certificate is trusted shows that the refusals
are the certificate's.
"""

from __future__ import annotations

import datetime
import random
import ssl
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from requests_aws4auth import AWS4Auth

from searchsync.clock import Backoff, Deadline, SystemClock
from searchsync.config import read_environment
from searchsync.edges.collection import OpenSearchCollection, connect
from searchsync.edges.failures import FailureQueue
from searchsync.edges.reads import BoundedReads
from searchsync.edges.table import DynamoTable
from searchsync.entry import OnFirstUse, certificates
from searchsync.errors import ConfigurationError, StackError
from searchsync.protocol.bulk import Kind
from tests.support.events import environment
from tests.support.stub_services import INDEX_MADE_BY_US, Reply, Services, serving

ADDRESS = x509.IPAddress(ip_address("127.0.0.1"))
NAMES = (
    "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "PYTHONHTTPSVERIFY",
    "OPENSEARCH_VERIFY_CERTS", "VERIFY_CERTS", "NODE_TLS_REJECT_UNAUTHORIZED",
)  # fmt: skip
"""What changes TLS in some program or other."""
SURROUNDINGS = [
    {},
    *({name: value} for name in NAMES for value in ("", "0")),
    dict.fromkeys(NAMES, ""),
]


def make_certificate(folder: Path, name: x509.GeneralName) -> Path:
    """A certificate for that name, signed by itself, with its key behind it in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "certificate.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem


def serve(pem: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("right"), ADDRESS)


@pytest.fixture(scope="module")
def wrong_pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("wrong"), x509.DNSName("example.com"))


@pytest.fixture(scope="module")
def server(pem: Path) -> Iterator[Services]:
    with serving(serve(pem)) as services:
        services.answer = lambda _asked, _body: Reply(200, INDEX_MADE_BY_US)
        yield services


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


def surround(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def collection(url: str) -> OpenSearchCollection:
    config = read_environment(environment(OPENSEARCH_HOST=url))
    auth = AWS4Auth("AKIAEXAMPLE", "secret", "eu-central-1", "aoss")
    return OpenSearchCollection(connect(config, auth), config, SystemClock())


@pytest.mark.parametrize("variables", SURROUNDINGS, ids=str)
def test_a_collection_with_a_certificate_of_its_own_is_never_reached(
    server: Services, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    surround(monkeypatch, variables)
    before = len(server.heads)
    try:
        answer = collection(server.url).ensure_index(5.0)
    except StackError as error:
        assert "certificate is not trusted" in str(error)  # noqa: PT017 - the other way out is looked at below
    else:
        assert answer.kind is Kind.BUSY  # authorities that cannot be read are no connection at all
        assert variables
    assert len(server.heads) == before


def test_a_certificate_that_is_trusted_reaches_the_server(
    server: Services, pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))
    assert collection(server.url).ensure_index(5.0).kind is Kind.DONE
    assert server.asked[-1] == "_mapping"


def test_other_authorities_than_the_servers_are_refused(
    server: Services, wrong_pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(wrong_pem))
    with pytest.raises(StackError, match="certificate is not trusted"):
        collection(server.url).ensure_index(5.0)


def test_a_trusted_certificate_of_another_name_is_refused(wrong_pem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(wrong_pem))
    with serving(serve(wrong_pem)) as services:
        with pytest.raises(StackError, match="certificate is not trusted"):
            collection(services.url).ensure_index(5.0)
        assert services.heads == []


@pytest.mark.parametrize("variables", SURROUNDINGS, ids=str)
def test_a_table_and_a_queue_with_a_certificate_of_their_own_are_never_reached(
    server: Services, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    surround(monkeypatch, variables | {"AWS_ENDPOINT_URL": server.url})
    before = len(server.heads)
    clock = SystemClock()
    trusted = certificates(variables)
    reads = BoundedReads(trusted)
    client = OnFirstUse("dynamodb", "eu-central-1", trusted, reads)
    table = DynamoTable(client, "t", ("id",), clock, Backoff(clock, random.Random(1)), reads=reads)
    queue = FailureQueue(OnFirstUse("sqs", "eu-central-1", trusted), f"{server.url}/1/failures")
    later = Deadline.after(clock, 60.0)
    if trusted is True:
        with pytest.raises(StackError, match="certificate is not trusted"):
            list(table.read({"a": {"id": {"S": "a"}}}, Deadline.after(clock, 5.0)))
        assert queue.send(["{}"], later) == ([0], "SSLError")
    else:
        assert queue.send(["{}"], later)[0] == [0]  # authorities that cannot be read are no connection at all
    assert len(server.heads) == before


def test_a_queue_whose_certificate_is_trusted_is_reached(
    server: Services, pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    surround(monkeypatch, {"AWS_ENDPOINT_URL": server.url, "AWS_CA_BUNDLE": str(pem)})
    trusted = certificates({"AWS_CA_BUNDLE": str(pem)})
    queue = FailureQueue(OnFirstUse("sqs", "eu-central-1", trusted), f"{server.url}/1/failures")
    queue.send(["{}"], Deadline.after(SystemClock(), 60.0))
    assert server.asked[-1] == "SendMessageBatch"


@pytest.mark.parametrize("service", ["dynamodb", "sqs"])
def test_an_aws_endpoint_in_plain_http_is_for_loopback_alone(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert OnFirstUse(service, "eu-central-1").meta.endpoint_url == "http://127.0.0.1:1"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://example.com")
    with pytest.raises(StackError, match=f"The endpoint of {service} is plain http on another machine"):
        _ = OnFirstUse(service, "eu-central-1").meta


@pytest.mark.parametrize("name", ["OPENSEARCH_HOST", "FAILURE_QUEUE_URL"])
@pytest.mark.parametrize("url", ["http://example.com/1/q", "http://127.0.0.1.example.com/1/q", "http://10.0.0.1/1/q"])
def test_plain_http_is_for_loopback_alone(name: str, url: str) -> None:
    value = url.removesuffix("/1/q") if name == "OPENSEARCH_HOST" else url
    with pytest.raises(ConfigurationError, match=f"{name} is .*plain http is for a loopback address only"):
        read_environment(environment(**{name: value}))


def test_a_configuration_has_no_way_to_turn_verification_off() -> None:
    config = read_environment(environment())
    auth = AWS4Auth("AKIAEXAMPLE", "secret", "eu-central-1", "aoss")
    for host in ("https://abc.aoss.amazonaws.com", "https://127.0.0.1:9200"):
        connection = connect(replace(config, host=host), auth).transport.get_connection()
        assert connection.session.verify not in (False, None, "")
