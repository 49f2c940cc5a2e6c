"""The steps of a client in Python that gets prompts and resources. The versions of the SDK
differ in names alone, so a client here is one of either, with what is named otherwise."""

import steps


class Updated(steps.Heard):
    """The resources of which the server says that they have changed."""

    async def __call__(self, message):
        inner = getattr(message, "root", message)
        if getattr(inner, "method", None) == "notifications/resources/updated":
            await super().__call__(str(inner.params.uri))


class Client:
    """A client of the SDK; the types of its references to a prompt and to a template."""

    def __init__(self, inner, prompt, template):
        self.inner = inner
        self.references = {"ref/prompt": prompt, "ref/resource": template}

    async def names(self, kind):
        if kind == "prompts":
            return [prompt.name for prompt in (await self.inner.list_prompts()).prompts]
        if kind == "resources":
            return [str(resource.uri) for resource in (await self.inner.list_resources()).resources]
        listed = (await self.inner.list_resource_templates()).model_dump(by_alias=True)
        return [template["uriTemplate"] for template in listed["resourceTemplates"]]

    async def complete(self, ref, argument):
        reference = self.references[ref["type"]](**ref)
        return (await self.inner.complete(reference, argument)).completion.values


async def run(todo, updated, revision, client, uri, Error):
    """Does the steps. `uri` makes what the SDK takes for one."""

    async def take(step):
        if "list" in step:
            return {"names": await client.names(step["list"])}
        if "prompt" in step:
            prompt = await client.inner.get_prompt(step["prompt"], step["arguments"])
            return {"text": prompt.messages[0].content.text}
        if "read" in step:
            read = await client.inner.read_resource(uri(step["read"]))
            return {"text": read.contents[0].text}
        if "subscribe" in step:
            await client.inner.subscribe_resource(uri(step["subscribe"]))
            return {"done": True}
        if "unsubscribe" in step:
            await client.inner.unsubscribe_resource(uri(step["unsubscribe"]))
            return {"done": True}
        if "complete" in step:
            return {"values": await client.complete(step["complete"], step["argument"])}
        if "call" in step:
            return {"text": (await client.inner.call_tool(step["call"], {})).content[0].text}
        await updated.came.wait()
        return {"heard": updated.all}

    await steps.run("mcp", todo, revision, take, Error)
