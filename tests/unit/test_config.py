"""The environment: what is taken, and that every problem is named at once."""

from __future__ import annotations

import base64
import gzip

import pytest

from searchsync.config import read_environment
from searchsync.errors import ConfigurationError
from tests.support.events import STREAM_ARN, TABLE_ARN, environment


def test_a_complete_environment_is_taken() -> None:
    config = read_environment(environment(KEY_ATTRIBUTES='["pk","sk"]', LOG_KEYS="hashed"))
    assert config.host == "https://abc.eu-central-1.aoss.amazonaws.com"
    assert (config.table_arn, config.table_name, config.region) == (TABLE_ARN, "lab-table", "eu-central-1")
    assert config.stream_arn == STREAM_ARN
    assert config.key_attributes == ("pk", "sk")
    assert config.hash_keys_in_log
    assert config.mapping is None


def test_every_problem_is_named_in_one_message() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_environment({"OPENSEARCH_INDEX": "UPPER", "KEY_ATTRIBUTES": "id", "MAX_CLOCK_SKEW_SECONDS": "0"})
    for name in (
        "OPENSEARCH_HOST is not set",
        "STREAM_ARN is not set",
        "SYNC_FUNCTION_NAME is not set",
        "FAILURE_QUEUE_URL is not set",
        "OPENSEARCH_INDEX is 'UPPER'",
        "KEY_ATTRIBUTES is 'id'",
        "MAX_CLOCK_SKEW_SECONDS is '0'",
        "terraform apply",
    ):
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("abc.eu-central-1.aoss.amazonaws.com", "https://abc.eu-central-1.aoss.amazonaws.com"),
        ("https://abc.aoss.amazonaws.com/", "https://abc.aoss.amazonaws.com"),
        ("https://abc.aoss.eu-central-1.on.aws", "https://abc.aoss.eu-central-1.on.aws"),
        ("http://127.0.0.1:9200", "http://127.0.0.1:9200"),
        ("http://localhost:9200", "http://localhost:9200"),
        ("http://[::1]:9200", "http://[::1]:9200"),
    ],
)
def test_a_host_is_an_endpoint_with_or_without_its_scheme(host: str, expected: str) -> None:
    assert read_environment(environment(OPENSEARCH_HOST=host)).host == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENSEARCH_HOST", "http://abc.aoss.amazonaws.com"),
        ("OPENSEARCH_HOST", "http://127.0.0.1.example.com"),
        ("OPENSEARCH_HOST", "ftp://127.0.0.1"),
        ("OPENSEARCH_HOST", "https://user@abc/"),
        ("OPENSEARCH_HOST", "https://abc/path"),
        ("OPENSEARCH_HOST", "https://abc:99999"),
        ("OPENSEARCH_HOST", "https://a bc"),
        ("OPENSEARCH_INDEX", "_hidden"),
        ("OPENSEARCH_INDEX", "a/b"),
        ("OPENSEARCH_INDEX", "a" * 256),
        ("STREAM_ARN", TABLE_ARN),
        ("KEY_ATTRIBUTES", "[]"),
        ("KEY_ATTRIBUTES", '["a","b","c"]'),
        ("KEY_ATTRIBUTES", '["a","a"]'),
        ("KEY_ATTRIBUTES", '[""]'),
        ("FAILURE_QUEUE_URL", "failures"),
        ("MAX_CLOCK_SKEW_SECONDS", "ten"),
        ("MAX_CLOCK_SKEW_SECONDS", "nan"),
        ("MAX_CLOCK_SKEW_SECONDS", "301"),
        ("MAX_CLOCK_SKEW_SECONDS", "4"),
        ("LOG_KEYS", "none"),
        ("INDEX_MAPPING", "[]"),
        ("INDEX_MAPPING", "{"),
        ("INDEX_MAPPING", '{"_meta": null}'),
        ("INDEX_MAPPING", "H4sIAAAA"),
        ("INDEX_MAPPING", '{"mappings": {}}'),
        ("INDEX_MAPPING", '{"properties": {"searchsync_key": {"type": "long"}}}'),
        ("INDEX_MAPPING", '{"properties": {"searchsync_key.x": {"type": "text"}}}'),
        ("INDEX_MAPPING", '{"enabled": false}'),
        ("INDEX_MAPPING", '{"settings": {}}'),
        ("INDEX_MAPPING", '{"properties": {"a": {"type": "strnig"}}}'),
        ("INDEX_SETTINGS", "[]"),
        ("INDEX_SETTINGS", '{"index": {"blocks.write": true}}'),
        ("INDEX_ADOPT", "yes"),
        ("INDEX_ADOPT", "sync orders"),
        ("SYNC_FUNCTION_NAME", "a b"),
    ],
)
def test_a_wrong_value_is_named_with_its_variable(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} is "):
        read_environment(environment(**{name: value}))


def test_a_mapping_is_taken_as_text_or_as_terraforms_base64gzip() -> None:
    text = '{"properties":{"n":{"type":"long"}}}'
    packed = base64.b64encode(gzip.compress(text.encode())).decode()
    for value in (text, packed):
        config = read_environment(environment(INDEX_MAPPING=value))
        assert config.mapping == {"properties": {"n": {"type": "long"}}}
