"""The policy at work, to watch or to try.

    demo.py [demo]    shows a call allowed, one denied, one over its limit; checks all
    demo.py run       leaves the gateway running and says what to paste

Both start an MCP server and Envoy with `envoy/envoy.yaml`, the very file that a
user copies, from the repository's root. The story is about the policy in it as
shipped; `run` takes another by POLICY, the path of a policy in JSON. ENVOY_BIN has
to name Envoy; MODULE, PORT, ADMIN_PORT and UPSTREAM_PORT may differ from what the
file says. NO_COLOR keeps colours off a terminal.

Whatever ends it, a signal included, ends Envoy too. Python's standard library is
all that it needs.
"""

import os
import signal
import sys

import page
import stand
import story
from server import Server
from story import Wrong


class Stopped(Exception):
    """A signal that says to stop."""


def stop(*_):
    # Once is enough: the rest is ending Envoy.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise Stopped


def main(mode):
    if mode not in ("demo", "run"):
        raise Wrong(f"no mode `{mode}`; there are `demo` and `run`")
    if mode == "demo" and os.environ.get("POLICY"):
        raise Wrong("the demo needs the policy as shipped; `POLICY=my.json make run` takes yours")
    settings = stand.Settings(os.environ)
    settings.check_ports()
    server = Server(settings.upstream)
    server.start()
    envoy = stand.Envoy(settings, to_terminal=mode == "run")
    try:
        envoy.wait_until_serving()
        page.opening(settings)
        if mode == "run":
            page.to_paste(settings)
            envoy.wait()
            return
        try:
            story.tell(settings, server)
        except Wrong as wrong:
            envoy.check()
            hint = f"The demo needs the policy as shipped in {stand.SHIPPED}; `make run` takes any."
            raise Wrong(f"{wrong}\n{hint}") from wrong
    finally:
        envoy.stop()


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    chosen = sys.argv[1] if len(sys.argv) > 1 else "demo"
    try:
        main(chosen)
    except Wrong as error:
        sys.exit(f"demo: {error}")
    except Stopped:
        if chosen != "run":
            sys.exit("demo: stopped before the end")
