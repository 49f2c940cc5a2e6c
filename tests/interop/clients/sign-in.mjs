// What the clients in TypeScript share when they sign in: a provider that keeps
// all in memory, in the place of a browser and its user.

// Connects without a token, signs in when told to, connects again and calls.
export async function signIn(name, connect, UnauthorizedError) {
    const plan = JSON.parse(process.argv[2]);
    const provider = new Provider();
    const seen = { client: name };
    const first = await connect(plan.url, provider);
    try {
        await first.connected;
        seen.other = 'it connected without a token';
    } catch (error) {
        if (!(error instanceof UnauthorizedError)) {
            throw error;
        }
        seen.redirect = String(provider.redirect);
        await first.transport.finishAuth(plan.code);
        const { client, connected } = await connect(plan.url, provider);
        await connected;
        const result = await client.callTool({ name: plan.tool, arguments: {} });
        seen.text = result.content[0]?.text;
        await client.close();
    }
    console.log(JSON.stringify(seen));
    process.exit(0);
}

class Provider {
    redirectUrl = 'http://127.0.0.1:1/callback';
    clientMetadata = {
        client_name: 'interop',
        redirect_uris: [this.redirectUrl],
        grant_types: ['authorization_code'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
    };
    clientInformation() {
        return this.client;
    }
    saveClientInformation(client) {
        this.client = client;
    }
    tokens() {
        return this.token;
    }
    saveTokens(token) {
        this.token = token;
    }
    redirectToAuthorization(url) {
        this.redirect = url;
    }
    saveCodeVerifier(verifier) {
        this.verifier = verifier;
    }
    codeVerifier() {
        return this.verifier;
    }
    saveDiscoveryState(state) {
        this.discovered = state;
    }
    discoveryState() {
        return this.discovered;
    }
}
