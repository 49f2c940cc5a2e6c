"""The official Python SDK's client, version 1, with prompts and resources."""

import asyncio

from mcp import ClientSession, McpError, types
from mcp.client.streamable_http import streamable_http_client
from pydantic import AnyUrl

import offers


class Client:
    def __init__(self, session):
        self.session = session
        self.get_prompt = session.get_prompt
        self.call_tool = session.call_tool

    async def names(self, kind):
        if kind == "prompts":
            return [prompt.name for prompt in (await self.session.list_prompts()).prompts]
        if kind == "resources":
            return [resource.uri for resource in (await self.session.list_resources()).resources]
        templates = (await self.session.list_resource_templates()).resourceTemplates
        return [template.uriTemplate for template in templates]

    async def read_resource(self, uri):
        return await self.session.read_resource(AnyUrl(uri))

    async def subscribe_resource(self, uri):
        await self.session.subscribe_resource(AnyUrl(uri))

    async def unsubscribe_resource(self, uri):
        await self.session.unsubscribe_resource(AnyUrl(uri))

    async def complete(self, ref, argument):
        prompt = ref["type"] == "ref/prompt"
        kind = types.PromptReference if prompt else types.ResourceTemplateReference
        return await self.session.complete(kind(**ref), argument)


async def main():
    plan, updated = offers.plan(), offers.Updated()
    async with streamable_http_client(plan["url"]) as (read, write, _):
        async with ClientSession(read, write, message_handler=updated) as session:
            revision = (await session.initialize()).protocolVersion
            await offers.run(plan["steps"], updated, revision, Client(session), McpError)


asyncio.run(main())
