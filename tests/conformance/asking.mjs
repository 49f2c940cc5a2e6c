// Tools and a prompt that ask the client for something before they answer. In
// revisions with sessions the server sends a request of its own while the call
// waits; in the stateless ones the call is answered with what is needed, and
// made again.

import { randomBytes } from 'node:crypto';
import {
    acceptedContent,
    CLIENT_CAPABILITIES_META_KEY,
    createRequestStateCodec,
    inputRequired,
    inputResponse,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { text } from './content.mjs';

/** Signs what a stateless server gives a client to bring back. */
export const states = createRequestStateCodec({ key: randomBytes(32) });

const form = (message, properties, required = Object.keys(properties)) => ({
    message,
    requestedSchema: { type: 'object', properties, required },
});
const sample = (prompt) => ({
    messages: [{ role: 'user', content: text(prompt) }],
    maxTokens: 100,
});
const says = (answer) => ({ content: [text(answer)] });

const name = inputRequired.elicit(form('What is your name?', { name: { type: 'string' } }));
const greeting = inputRequired.createMessage(sample('Generate a greeting'));
const confirm = inputRequired.elicit(form('Please confirm', { ok: { type: 'boolean' } }));

export function addAsking(server) {
    addOverSession(server);
    addStateless(server);
    addRounds(server);
    addCapable(server);
    addPrompt(server);
}

function addOverSession(server) {
    const elicit = (tool, inputSchema, asks, answer) =>
        server.registerTool(tool, { description: 'Asks the user', inputSchema }, async (args, ctx) => {
            const { action, content } = await ctx.mcpReq.elicitInput(asks(args));
            return says(`${answer}: action=${action}, content=${JSON.stringify(content ?? {})}`);
        });

    server.registerTool(
        'test_sampling',
        { description: 'Asks the model', inputSchema: z.object({ prompt: z.string() }) },
        async ({ prompt }, ctx) => {
            const { content } = await ctx.mcpReq.requestSampling(sample(prompt));
            return says(`LLM response: ${content.text}`);
        },
    );
    elicit(
        'test_elicitation',
        z.object({ message: z.string() }),
        ({ message }) =>
            form(message, {
                username: { type: 'string', description: "User's response" },
                email: { type: 'string', description: "User's email address" },
            }),
        'User response',
    );
    const defaults = {
        name: { type: 'string', default: 'John Doe' },
        age: { type: 'integer', default: 30 },
        score: { type: 'number', default: 95.5 },
        status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
        verified: { type: 'boolean', default: true },
    };
    const titled = (...titles) => titles.map((title, index) => ({ const: `value${index + 1}`, title }));
    const options = ['option1', 'option2', 'option3'];
    const enums = {
        untitledSingle: { type: 'string', enum: options },
        titledSingle: { type: 'string', oneOf: titled('First Option', 'Second Option', 'Third Option') },
        legacyEnum: {
            type: 'string',
            enum: ['opt1', 'opt2', 'opt3'],
            enumNames: ['Option One', 'Option Two', 'Option Three'],
        },
        untitledMulti: { type: 'array', items: { type: 'string', enum: options } },
        titledMulti: {
            type: 'array',
            items: { anyOf: titled('First Choice', 'Second Choice', 'Third Choice') },
        },
    };
    const completed = 'Elicitation completed';
    const nothing = z.object({});
    elicit('test_elicitation_sep1034_defaults', nothing, () => form('Please review', defaults, []), completed);
    elicit('test_elicitation_sep1330_enums', nothing, () => form('Please select', enums, []), completed);
}

/** One question, one answer; some with a state that has to come back unchanged. */
function addStateless(server) {
    const roots = inputRequired.listRoots();
    const capital = inputRequired.createMessage(sample('What is the capital of France?'));
    const kinds = {
        test_input_required_result_elicitation: { asks: { user_name: name } },
        test_input_required_result_sampling: { asks: { capital_question: capital } },
        test_input_required_result_list_roots: { asks: { client_roots: roots } },
        test_input_required_result_request_state: { asks: { confirm }, stateful: true },
        test_input_required_result_tampered_state: { asks: { confirm }, stateful: true },
        test_input_required_result_multiple_inputs: {
            asks: { user_name: name, greeting, client_roots: roots },
            stateful: true,
        },
    };
    for (const [tool, { asks, stateful }] of Object.entries(kinds)) {
        server.registerTool(tool, { description: 'Asks once' }, async (ctx) => {
            const answers = ctx.mcpReq.inputResponses;
            const complete = Object.keys(asks).every((key) => inputResponse(answers, key).kind !== 'missing');
            if (complete && (!stateful || ctx.mcpReq.requestState())) {
                return says(`${stateful ? 'state-ok ' : ''}${JSON.stringify(answers)}`);
            }
            const requestState = stateful ? await states.mint({ tool }) : undefined;
            return inputRequired({ inputRequests: asks, ...(stateful && { requestState }) });
        });
    }
}

function addRounds(server) {
    const color = inputRequired.elicit(form('Step 2: What is your favorite color?', { color: { type: 'string' } }));
    const ask = async (inputRequests, state) =>
        inputRequired({ inputRequests, requestState: await states.mint(state) });

    server.registerTool('test_input_required_result_multi_round', { description: 'Asks twice' }, async (ctx) => {
        const answers = ctx.mcpReq.inputResponses;
        const state = ctx.mcpReq.requestState();
        if (state?.name && acceptedContent(answers, 'step2')) {
            return says(`${state.name} likes ${acceptedContent(answers, 'step2').color}`);
        }
        const first = state && acceptedContent(answers, 'step1');
        return first ? ask({ step2: color }, { name: first.name }) : ask({ step1: name }, {});
    });
}

/** Tools that depend on what the client can do. */
function addCapable(server) {
    // The SDK refuses to ask a client for what it does not offer.
    server.registerTool('test_missing_capability', { description: 'Asks the model' }, async () =>
        inputRequired({ inputRequests: { greeting } }),
    );
    server.registerTool('test_input_required_result_capabilities', { description: 'Asks what it can' }, async (ctx) => {
        const { elicitation, sampling } = ctx.mcpReq.envelope?.[CLIENT_CAPABILITIES_META_KEY] ?? {};
        return inputRequired({
            inputRequests: { ...(elicitation && { user_name: name }), ...(sampling && { greeting }) },
        });
    });
    server.registerTool('test_streaming_elicitation', { description: 'Streams, then asks' }, async (ctx) => {
        const progressToken = ctx.mcpReq._meta?.progressToken ?? 'none';
        await ctx.mcpReq.notify({
            method: 'notifications/progress',
            params: { progressToken, progress: 50, total: 100 },
        });
        return inputRequired({ inputRequests: { user_name: name } });
    });
}

function addPrompt(server) {
    const question = inputRequired.elicit(
        form('What context should the prompt use?', { context: { type: 'string' } }),
    );
    server.registerPrompt('test_input_required_result_prompt', { description: 'Asks first' }, async (ctx) => {
        const answer = acceptedContent(ctx.mcpReq.inputResponses, 'user_context');
        if (!answer) {
            return inputRequired({ inputRequests: { user_context: question } });
        }
        return { messages: [{ role: 'user', content: text(`Context: ${answer.context}`) }] };
    });
}
