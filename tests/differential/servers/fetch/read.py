"""Reads paths, URLs and URIs as servers in Python do.

A line on stdin is `["path", TEXT]`, `["url", TEXT]` or `["uri", TEXT]`; the line that
answers it has, by the name of each reader, a path, `[scheme, host, port]` or a URI, or
null where the reader refuses.
"""

import http.client
import json
import os
import pathlib
import posixpath
import socket
import sys
import urllib.parse
import urllib.request

import httpx
import pydantic
import requests
import urllib3.util

PORTS = {"https": 443, "http": 80, "ftp": 21, "ws": 80, "wss": 443}
PYDANTIC = pydantic.TypeAdapter(pydantic.AnyUrl)


def place(scheme, host, port):
    """A host as the socket's functions take it: IDNA first, then any old address."""
    if not host:
        return None
    host = host.strip("[]")
    try:
        host = host.encode("idna").decode()
        host = socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeError):
        pass
    return [scheme, host, int(port) if port else PORTS.get(scheme, 0)]


def split(text):
    parts = urllib.parse.urlsplit(text)
    return place(parts.scheme, parts.hostname, parts.port)


def opened(text):
    """The connection that `urllib.request.urlopen` makes."""
    request = urllib.request.Request(text)
    connection = http.client.HTTPConnection(request.host)
    port = None if connection.port == 80 and ":80" not in request.host else connection.port
    return place(request.type, connection.host, port)


def by_httpx(text):
    url = httpx.URL(text)
    return place(url.scheme, url.raw_host.decode(), url.port)


def by_requests(text):
    return by_urllib3(requests.Request("GET", text).prepare().url)


def by_urllib3(text):
    url = urllib3.util.parse_url(text)
    return place(url.scheme or "http", url.host, url.port)


def by_pydantic(text):
    url = PYDANTIC.validate_python(text)
    return place(url.scheme, url.host, url.port)


def file(text):
    """The file that `urllib` opens."""
    parts = urllib.parse.urlsplit(text)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        raise ValueError
    return "file://" + posixpath.normpath(urllib.request.url2pathname(parts.path))


def resolved(text):
    """A URI without its dots."""
    parts = urllib.parse.urlsplit(text)
    path = posixpath.normpath(parts.path) if parts.path else ""
    return urllib.parse.urlunsplit(parts._replace(path=path))


def fetched(text):
    """The URL that `httpx` asks for; it opens no files."""
    url = httpx.URL(text)
    if url.scheme == "file":
        raise ValueError
    return str(url)


READERS = {
    "uri": {
        # As MCP's SDK reads the URI of a resource.
        "pydantic": lambda text: str(PYDANTIC.validate_python(text)),
        "httpx": fetched,
        "requests": lambda text: requests.Request("GET", text).prepare().url,
        "urllib": lambda text: urllib.parse.urlunsplit(urllib.parse.urlsplit(text)),
        "urllib file": file,
        "unquote": urllib.parse.unquote,
        "unquote twice": lambda text: urllib.parse.unquote(urllib.parse.unquote(text)),
        "strip": lambda text: text.strip(),
        "slashes": lambda text: text.replace("\\", "/"),
        "dots": resolved,
        "quote": lambda text: urllib.parse.quote(text, safe=":/?#[]@!$&'()*+,;=%"),
    },
    "path": {
        "posixpath normpath": posixpath.normpath,
        "posixpath abspath": posixpath.abspath,
        "posixpath join": lambda text: posixpath.normpath(posixpath.join("/base", text)),
        "posixpath realpath": posixpath.realpath,
        "pathlib resolve": lambda text: str(pathlib.PosixPath(text).resolve()),
        "pathlib pure": lambda text: posixpath.normpath(str(pathlib.PurePosixPath(text))),
        "pathlib expanduser": lambda text: str(pathlib.PosixPath(text).expanduser().resolve()),
        "strip": lambda text: os.path.abspath(text.strip()),
        "strip quotes": lambda text: os.path.abspath(text.strip().strip("\"'`")),
        "unquote": lambda text: os.path.abspath(urllib.parse.unquote(text)),
        "unquote twice": lambda text: os.path.abspath(
            urllib.parse.unquote(urllib.parse.unquote(text))
        ),
        "urlparse": lambda text: os.path.abspath(
            urllib.parse.unquote(urllib.parse.urlparse(text).path)
        ),
        "urlparse of a file": lambda text: os.path.abspath(
            urllib.parse.unquote(urllib.parse.urlparse("file://" + text).path)
        ),
        "windows parts": lambda text: os.path.abspath(
            "/".join(
                ".." if len(part.strip()) > 1 and set(part.strip()) == {"."} else part
                for part in text.replace("\\", "/").split("/")
            )
        ),
        "c string": lambda text: os.path.abspath(text.split("\0")[0]),
    },
    "url": {
        "urllib urlsplit": split,
        "urllib strip": lambda text: split(text.strip()),
        "urllib request": opened,
        "urllib join": lambda text: split(urllib.parse.urljoin("https://base.example/", text)),
        "httpx": by_httpx,
        "requests": by_requests,
        "urllib3": by_urllib3,
        "pydantic": by_pydantic,
    },
}

for line in sys.stdin:
    kind, text = json.loads(line)
    read = {}
    for name, reader in READERS[kind].items():
        try:
            read[name] = reader(text)
        except Exception:  # Any fault is a refusal.
            read[name] = None
    print(json.dumps(read), flush=True)
