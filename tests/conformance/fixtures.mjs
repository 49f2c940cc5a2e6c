// The tools, resources and prompts that the suite expects by name, apart from
// those that ask the client for something, which are in asking.mjs.

import { setTimeout as pause } from 'node:timers/promises';
import {
    completable,
    fromJsonSchema,
    McpServer,
    ResourceTemplate,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { addAsking, states } from './asking.mjs';
import { embedded, image, PNG, text, WAV } from './content.mjs';

/** The SDK gives each request or session a server of its own, so this makes one. */
export function fixtures(notify) {
    const server = new McpServer(
        { name: 'conformance-fixtures', version: '1.0.0' },
        {
            capabilities: {
                tools: { listChanged: true },
                resources: { subscribe: true, listChanged: true },
                prompts: { listChanged: true },
                logging: {},
                completions: {},
            },
            requestState: { verify: states.verify },
        },
    );
    addAnswers(server);
    addEvents(server, notify);
    addSchemas(server);
    addResources(server);
    addPrompts(server);
    addAsking(server);
    return server;
}

/** Tools that always say the same. */
function addAnswers(server) {
    const answers = {
        test_simple_text: [text('This is a simple text response for testing.')],
        test_image_content: [image],
        test_audio_content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }],
        test_embedded_resource: [
            embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.'),
        ],
        test_multiple_content_types: [
            text('Multiple content types test:'),
            image,
            embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
        ],
    };
    for (const [name, content] of Object.entries(answers)) {
        server.registerTool(name, { description: 'Always the same answer' }, async () => ({ content }));
    }
    server.registerTool('test_error_handling', { description: 'Always an error' }, async () => {
        throw new Error('This tool intentionally returns an error for testing');
    });
}

/** Tools that send something before they answer, or make the server send it. */
function addEvents(server, notify) {
    // The suite asks for these pauses.
    server.registerTool('test_tool_with_logging', { description: 'Logs three times' }, async (ctx) => {
        await ctx.mcpReq.log('info', 'Tool execution started');
        await pause(50);
        await ctx.mcpReq.log('info', 'Tool processing data');
        await pause(50);
        await ctx.mcpReq.log('info', 'Tool execution completed');
        return { content: [text('Logged three times')] };
    });
    server.registerTool('test_logging_tool', { description: 'Logs once' }, async (ctx) => {
        await ctx.mcpReq.log('info', 'Logged');
        return { content: [text('Logged, if that was asked for')] };
    });
    server.registerTool('test_tool_with_progress', { description: 'Makes progress' }, async (ctx) => {
        const progressToken = ctx.mcpReq._meta?.progressToken;
        for (const progress of [0, 50, 100]) {
            if (progressToken !== undefined) {
                const params = { progressToken, progress, total: 100 };
                await ctx.mcpReq.notify({ method: 'notifications/progress', params });
            }
            await pause(50);
        }
        return { content: [text('Done')] };
    });
    server.registerTool('test_reconnection', { description: 'Cuts its own stream' }, async (ctx) => {
        ctx.http?.closeSSE?.();
        await pause(100);
        return { content: [text('Sent after the stream was cut')] };
    });
    server.registerTool('test_trigger_tool_change', { description: 'Says that the tools changed' }, async () => {
        notify().toolsChanged();
        return { content: [text('Said')] };
    });
    server.registerTool('test_trigger_prompt_change', { description: 'Says that the prompts changed' }, async () => {
        notify().promptsChanged();
        return { content: [text('Said')] };
    });
}

/** Tools that are looked at for their schemas, and for headers that repeat arguments. */
function addSchemas(server) {
    const wide = fromJsonSchema({
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        $defs: {
            address: {
                $anchor: 'addressDef',
                type: 'object',
                properties: { street: { type: 'string' }, city: { type: 'string' } },
            },
        },
        properties: {
            name: { type: 'string' },
            address: { $ref: '#/$defs/address' },
            contactMethod: { type: 'string', enum: ['phone', 'email'] },
            phone: { type: 'string' },
            email: { type: 'string' },
        },
        allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
        if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
        then: { required: ['phone'] },
        else: { required: ['email'] },
        additionalProperties: false,
    });
    const mirrored = fromJsonSchema({
        type: 'object',
        properties: { region: { type: 'string', 'x-mcp-header': 'Region' } },
        required: ['region'],
    });
    const echo = async (args) => ({ content: [text(JSON.stringify(args))] });
    server.registerTool(
        'json_schema_2020_12_tool',
        { description: 'Tool with JSON Schema 2020-12 features', inputSchema: wide },
        echo,
    );
    server.registerTool(
        'test_header_mirroring',
        { description: 'Has an argument that a header repeats', inputSchema: mirrored },
        echo,
    );
}

function addResources(server) {
    const plain = { description: 'A resource for testing', mimeType: 'text/plain' };
    const read = (content) => async (uri) => ({ contents: [{ uri: uri.href, ...content }] });
    server.registerResource('static-text', 'test://static-text', plain, read({
        mimeType: 'text/plain',
        text: 'This is the content of the static text resource.',
    }));
    server.registerResource('watched', 'test://watched-resource', plain, read({
        mimeType: 'text/plain',
        text: 'Watched resource content',
    }));
    server.registerResource(
        'static-binary',
        'test://static-binary',
        { ...plain, mimeType: 'image/png' },
        read({ mimeType: 'image/png', blob: PNG }),
    );
    server.registerResource(
        'template',
        new ResourceTemplate('test://template/{id}/data', { list: undefined }),
        { ...plain, mimeType: 'application/json' },
        async (uri, { id }) => {
            const data = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
            return { contents: [{ uri: uri.href, mimeType: 'application/json', text: data }] };
        },
    );
    for (const method of ['resources/subscribe', 'resources/unsubscribe']) {
        server.server.setRequestHandler(method, async () => ({}));
    }
}

function addPrompts(server) {
    const said = (...contents) => ({ messages: contents.map((content) => ({ role: 'user', content })) });
    server.registerPrompt('test_simple_prompt', { description: 'Always the same' }, async () =>
        said(text('This is a simple prompt for testing.')),
    );
    server.registerPrompt('test_prompt_with_image', { description: 'Has an image' }, async () =>
        said(image, text('Please analyze the image above.')),
    );
    server.registerPrompt(
        'test_prompt_with_arguments',
        {
            description: 'Says its arguments',
            argsSchema: z.object({
                arg1: completable(z.string().describe('First test argument'), (start) =>
                    ['paris', 'park', 'party'].filter((word) => word.startsWith(start)),
                ),
                arg2: z.string().describe('Second test argument'),
            }),
        },
        async ({ arg1, arg2 }) => said(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
    );
    server.registerPrompt(
        'test_prompt_with_embedded_resource',
        {
            description: 'Embeds a resource',
            argsSchema: z.object({ resourceUri: z.string().describe('URI of the resource to embed') }),
        },
        async ({ resourceUri }) =>
            said(
                embedded(resourceUri, 'text/plain', 'Embedded resource content for testing.'),
                text('Please process the embedded resource above.'),
            ),
    );
}
