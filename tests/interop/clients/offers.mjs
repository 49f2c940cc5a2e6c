// What the clients in TypeScript share that get prompts and resources: the steps, and how
// what was seen of each is told. `open` connects and says which revision was agreed on.
export async function run(open) {
    const plan = JSON.parse(process.argv[2]);
    const heard = [];
    let wake = () => {};
    const onUpdated = (message) => {
        heard.push(message.params.uri);
        wake();
    };
    const { client, name, revision, close } = await open(plan, onUpdated);
    const seen = [];
    for (const step of plan.steps) {
        try {
            seen.push(await take(step));
        } catch (error) {
            const { code, message, data } = error;
            seen.push(code === undefined ? { other: String(error) } : { error: { code, message, data } });
        }
    }
    console.log(JSON.stringify({ client: name, revision: revision(), seen }));
    await close();
    process.exit(0);

    async function take(step) {
        if (step.list) {
            return { names: await list(step.list) };
        }
        if (step.prompt) {
            const { messages } = await client.getPrompt({ name: step.prompt, arguments: step.arguments });
            return { text: messages[0].content.text };
        }
        if (step.read) {
            const { contents } = await client.readResource({ uri: step.read });
            return { text: contents[0].text };
        }
        if (step.subscribe) {
            await client.subscribeResource({ uri: step.subscribe });
            return { done: true };
        }
        if (step.unsubscribe) {
            await client.unsubscribeResource({ uri: step.unsubscribe });
            return { done: true };
        }
        if (step.complete) {
            const { completion } = await client.complete({ ref: step.complete, argument: step.argument });
            return { values: completion.values };
        }
        if (step.call) {
            const result = await client.callTool({ name: step.call, arguments: {} });
            return { text: result.content[0]?.text ?? '' };
        }
        while (heard.length === 0) {
            await new Promise((resolve) => (wake = resolve));
        }
        return { heard };
    }

    async function list(kind) {
        if (kind === 'prompts') {
            return (await client.listPrompts()).prompts.map((prompt) => prompt.name);
        }
        if (kind === 'resources') {
            return (await client.listResources()).resources.map((resource) => resource.uri);
        }
        const { resourceTemplates } = await client.listResourceTemplates();
        return resourceTemplates.map((template) => template.uriTemplate);
    }
}
