// What the clients in TypeScript share: the steps, and how what was seen of each is told.
import { readFileSync } from 'node:fs';

// What the server has said by itself.
class Heard {
    all = [];
    #wake = () => {};

    add(said) {
        this.all.push(said);
        this.#wake();
    }

    // The first and all that came by then.
    async come() {
        while (this.all.length === 0) {
            await new Promise((resolve) => (this.#wake = resolve));
        }
        return this.all;
    }
}

// Does the steps of the plan in `process.argv[2]`, and prints what was seen of each. `open`
// connects and says which revision was agreed on; `said` has what counts of a message that
// the server sends by itself; `take` does a step.
export async function run(open, said, take) {
    const plan = JSON.parse(process.argv[2]);
    const heard = new Heard();
    const { client, name, revision, close } = await open(plan, (message) => heard.add(said(message)));
    const seen = [];
    for (const step of plan.steps) {
        try {
            seen.push(await take(client, step, heard));
        } catch (error) {
            const { code, message, data } = error;
            seen.push(code === undefined ? { other: String(error) } : { error: { code, message, data } });
        }
    }
    console.log(JSON.stringify({ client: name, revision: revision(), seen }));
    await close();
    process.exit(0);
}

// A package with its version.
export function named(name) {
    const file = new URL(`node_modules/${name}/package.json`, import.meta.url);
    return `${name} ${JSON.parse(readFileSync(file)).version}`;
}
