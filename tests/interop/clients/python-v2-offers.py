"""The official Python SDK's client, version 2, with prompts and resources."""

import asyncio

from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import PromptReference, ResourceTemplateReference

import offers


class Offers:
    def __init__(self, client):
        self.client = client
        self.get_prompt = client.get_prompt
        self.read_resource = client.read_resource
        self.subscribe_resource = client.subscribe_resource
        self.unsubscribe_resource = client.unsubscribe_resource
        self.call_tool = client.call_tool

    async def names(self, kind):
        if kind == "prompts":
            return [prompt.name for prompt in (await self.client.list_prompts()).prompts]
        if kind == "resources":
            return [resource.uri for resource in (await self.client.list_resources()).resources]
        templates = (await self.client.list_resource_templates()).resource_templates
        return [template.uri_template for template in templates]

    async def complete(self, ref, argument):
        prompt = ref["type"] == "ref/prompt"
        kind = PromptReference if prompt else ResourceTemplateReference
        return await self.client.complete(kind(**ref), argument)


async def main():
    plan, updated = offers.plan(), offers.Updated()
    async with Client(plan["url"], mode="legacy", message_handler=updated) as client:
        revision = client.protocol_version
        await offers.run(plan["steps"], updated, revision, Offers(client), MCPError)


asyncio.run(main())
