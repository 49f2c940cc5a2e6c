// The steps of a client in TypeScript that gets prompts and resources.
import * as steps from './steps.mjs';

export const run = (open) => steps.run(open, (message) => message.params.uri, take);

async function take(client, step, heard) {
    if (step.list) {
        return { names: await list(client, step.list) };
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
    return { heard: await heard.come() };
}

async function list(client, kind) {
    if (kind === 'prompts') {
        return (await client.listPrompts()).prompts.map((prompt) => prompt.name);
    }
    if (kind === 'resources') {
        return (await client.listResources()).resources.map((resource) => resource.uri);
    }
    const { resourceTemplates } = await client.listResourceTemplates();
    return resourceTemplates.map((template) => template.uriTemplate);
}
