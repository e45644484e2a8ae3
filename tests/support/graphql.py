"""A GraphQL API of the lab, asked with requests that are signed with IAM."""

from __future__ import annotations

import json
from typing import Any

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lab.stack import Lab

TIMEOUT_SECONDS = 30
POST = "{ id author title content _version _deleted _lastChangedAt }"


class Posts:
    """The API of examples/appsync."""

    def __init__(self, lab: Lab, api: str) -> None:
        self._lab, self._api = lab, api

    def mutate(self, verb: str, **given: Any) -> Any:
        """The post after `createPost`, `updatePost` or `deletePost`, by the verb; the error where it was refused."""
        field, kind = f"{verb}Post", f"{verb.capitalize()}PostInput"
        answer = self._ask(f"mutation m($input: {kind}!) {{ {field}(input: $input) {POST} }}", {"input": given})
        return answer["errors"][0] if "errors" in answer else answer["data"][field]

    def _ask(self, query: str, variables: dict[str, Any]) -> Any:
        """`graphql_url` is a name that only AWS resolves: the lab has the API under its own address too."""
        mine = self._lab.credentials
        url = f"{self._lab.endpoint}/v1/apis/{self._api}/graphql"
        sent = AWSRequest(
            "POST",
            url,
            data=json.dumps({"query": query, "variables": variables}),
            headers={"content-type": "application/json"},
        )
        SigV4Auth(Credentials(mine.access_key, mine.secret_key), "appsync", mine.region).add_auth(sent)
        return requests.post(url, data=sent.body, headers=dict(sent.headers), timeout=TIMEOUT_SECONDS).json()
