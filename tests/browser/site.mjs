// Another site than the gateway, which tries to decide for who visits it.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';

export class Site {
  /** Over TLS where there is a certificate. */
  static async start(certificate) {
    const site = new Site();
    const answer = (_, response) => {
      response.setHeader('content-type', 'text/html');
      response.end(site.html);
    };
    site.http = certificate ? createTlsServer(certificate, answer) : createServer(answer);
    site.http.listen(0, '127.0.0.1').unref();
    await once(site.http, 'listening');
    site.port = site.http.address().port;
    site.url = `http://127.0.0.1:${site.port}/`;
    return site;
  }

  /**
   * Has it visited in a context in which somebody may have signed in. It tries to decide
   * by a form, whose answer's status is given, and by a script, whose error is.
   */
  async decides(context, decide, headers, inside = '') {
    this.html = `${inside}<form method=post action="${decide}" target=answer></form>
      <iframe name=answer></iframe>`;
    const page = await context.newPage();
    await page.goto(this.url);
    const frames = page.frames().filter((frame) => frame !== page.mainFrame());
    for (const frame of frames) assert.doesNotMatch(await frame.content(), /Your token|apr_/);
    const posted = page.waitForResponse(decide);
    await page.evaluate(() => document.forms[0].submit());
    const form = (await posted).status();
    const script = await page.evaluate(
      ([decide, headers]) =>
        fetch(decide, { method: 'POST', headers, credentials: 'include' }).catch(
          (error) => error.name,
        ),
      [decide, headers],
    );
    return { form, script };
  }

  stop() {
    this.http.closeAllConnections();
    this.http.close();
  }
}
