"""The sign-in of clients in Python, with a store in memory and a user who agrees at once."""

import json
import sys
from importlib.metadata import version
from urllib.parse import parse_qs, urlsplit

from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import OAuthClientMetadata


class Storage:
    """Tokens and the registration, in memory."""

    tokens = None
    client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


class Seen:
    """The plan, and what came of it."""

    def __init__(self):
        self.plan = json.loads(sys.argv[1])
        self.redirect = None

    def provider(self, callback):
        """A provider whose user comes back with what `callback` makes of code and state."""

        async def redirect(url):
            self.redirect = url

        async def come_back():
            (state,) = parse_qs(urlsplit(self.redirect).query)["state"]
            return callback(self.plan["code"], state)

        metadata = OAuthClientMetadata(
            client_name="interop",
            redirect_uris=["http://127.0.0.1:1/callback"],
            grant_types=["authorization_code"],
            response_types=["code"],
            token_endpoint_auth_method="none",
        )
        return OAuthClientProvider(self.plan["url"], metadata, Storage(), redirect, come_back)

    def tell(self, result):
        """Prints what was seen."""
        client = f"mcp {version('mcp')}"
        text = result.content[0].text
        print(json.dumps({"client": client, "redirect": self.redirect, "text": text}), flush=True)
