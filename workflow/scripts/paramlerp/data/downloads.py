"""Downloads of a file by its URL, and of a Python package's file by its hash.

A package's file is looked for where pip is configured to look. pip itself would run the setup.py
of a source distribution that it downloads; here nothing that is downloaded is run.
"""

import ast
import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from ..jobs import files
from ..jobs.errors import UserError, reason

#: what `download` raises if a URL is malformed or cannot be downloaded
FAILED = (OSError, ValueError, KeyError, TypeError, http.client.HTTPException)
_PYPI = "https://pypi.org/simple/"
_JSON = "application/vnd.pypi.simple.v1+json"
_ACCEPT = f"{_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"


def package_file(folder: Path, name: str, version: str, sha256: str) -> Path:
    """Download to `folder` the file (wheel or sdist) of a package's version that has this hash.

    Reads pip's settings for folders, indexes and certificates, and looks into folders first.
    Raises UserError if no place has such a file, with the places that could not be read.
    """
    settings = _pip_settings()
    places = settings.get("find-links", "").split()
    if settings.get("no-index", "").lower() not in ("1", "true", "t", "yes", "y", "on"):
        indexes = [settings.get("index-url", _PYPI), *settings.get("extra-index-url", "").split()]
        places += [f"{index.rstrip('/')}/{_normalized(name)}/" for index in indexes]
    try:
        opened = opener(places, settings.get("cert"))
    except OSError as error:
        raise UserError(f"pip's setting cert, {settings['cert']}: {reason(error)}") from None
    names, failures = {}, []
    for place in sorted(places, key=lambda place: place.startswith("http")):
        try:
            for file, url, stated in _links(opened, place, folder / "page"):
                if not _is_of(file, name, version):
                    continue
                names[file] = True
                if stated in (sha256, None):
                    download(opened, url, folder / file)
                    digest = files.sha256(folder / file)
                    if digest == sha256:
                        return folder / file
                    if stated:
                        raise OSError(f"{file} came damaged, with sha256 {digest}")
        except FAILED as error:
            failures.append(f"{without_user(place)}: {reason(error)}")
    cause = "no file of this version"
    if names:
        few = ", ".join([*names][:4]) + ", ..." * (len(names) > 4)
        cause = f"no file of it has sha256 {sha256}; there are {few}"
    raise UserError("; ".join([cause, *failures]))


def opener(urls: Iterable[str], cert: str | None = None) -> urllib.request.OpenerDirector:
    """An opener that sends the users and passwords in `urls` to their hosts, and to no other.

    It trusts the certificates in the file `cert`, or by default the system's.
    """
    passwords = urllib.request.HTTPPasswordMgrWithPriorAuth()
    for url in urls:
        with suppress(ValueError):  # malformed, which `download` reports
            parts = urlsplit(url)
            if parts.username:
                user, password = unquote(parts.username), unquote(parts.password or "")
                host = urljoin(without_user(url), "/")
                passwords.add_password(None, host, user, password, is_authenticated=True)
    return urllib.request.build_opener(
        _SameScheme,
        urllib.request.HTTPBasicAuthHandler(passwords),
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=cert)),
    )


class _SameScheme(urllib.request.HTTPRedirectHandler):
    """Refuses to go from https to http, which would show a password to the network."""

    def redirect_request(self, request, response, code, message, headers, url):
        if request.type == "https" and not url.startswith("https:"):
            raise OSError("redirects from https to an insecure address")
        return super().redirect_request(request, response, code, message, headers, url)


def download(
    opened: urllib.request.OpenerDirector, url: str, path: Path, accept: str = "*/*"
) -> tuple[str, str]:
    """Write what `url` holds to `path`; the URL after redirections, and the content's type.

    Raises one of `FAILED`, with a message that holds no password.
    """
    # urllib knows users in URLs for FTP alone.
    bare = url if url.startswith("ftp:") else without_user(url)
    headers = {"User-Agent": "paramlerp", "Accept": accept}
    request = urllib.request.Request(bare, headers=headers)
    with opened.open(request, timeout=60) as response, open(path, "wb") as file:
        shutil.copyfileobj(response, file)
    length = response.headers.get("Content-Length")
    if length and path.stat().st_size != int(length):
        raise OSError(f"{path.stat().st_size} of {length} bytes came")
    return response.url, response.headers.get_content_type()


def without_user(url: str) -> str:
    """The URL without user and password, as error messages show it."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        # A password with a / or # ends the host too early, so it may stand anywhere in the URL.
        return f"{url.partition(':')[0]}://?" if "@" in url else url
    user, at, _ = parts.netloc.rpartition("@")
    return url.replace(user + at, "", 1)


def _pip_settings() -> dict[str, str]:
    """Value of each of pip's options, from its files and PIP_* as `pip download` reads them."""
    run = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        env={**os.environ, "PIP_QUIET": "0"},  # a quiet pip lists nothing
        capture_output=True,
        text=True,
    )
    if run.returncode:
        raise UserError("pip's settings cannot be read; `pip config list` says why")
    found = re.findall(r"^(.+?)\.([\w-]+)=(['\"].+['\"])$", run.stdout, re.MULTILINE)
    return {
        option: ast.literal_eval(value)
        for section in ("global", "download", ":env:")
        for its_section, option, value in found
        if its_section == section
    }


def _links(
    opened: urllib.request.OpenerDirector, place: str, page: Path
) -> list[tuple[str, str, str | None]]:
    """Name, URL and stated sha256 of the files in a folder, or on a page of the simple API.

    A folder on disk that does not exist has none. `page` is a path for the page's download.
    """
    listed = []
    if "://" not in place:
        place = Path(place).expanduser().absolute().as_uri()
    if place.startswith("file:"):
        path = Path(urllib.request.url2pathname(urlsplit(place).path))
        if path.is_dir():
            listed = [(file.name, file.as_uri(), None) for file in sorted(path.iterdir())]
            path /= "index.html"
        if not path.exists():
            return listed
        place = path.as_uri()
    try:
        url, content_type = download(opened, place, page, _ACCEPT)
    except urllib.error.HTTPError as error:
        raise OSError("no such package") if error.code == 404 else error from None
    text = page.read_text(encoding="utf-8", errors="replace")
    if content_type == _JSON:
        return [
            (file["filename"], urljoin(url, file["url"]), file["hashes"].get("sha256"))
            for file in json.loads(text)["files"]
        ]
    anchors = _Anchors()
    anchors.feed(text)
    for href in anchors.hrefs:
        link, fragment = urldefrag(urljoin(url, href))
        stated = re.search("sha256=([0-9a-f]{64})", fragment)
        file = PurePosixPath(unquote(urlsplit(link).path)).name
        listed.append((file, link, stated and stated[1]))
    return listed


class _Anchors(HTMLParser):
    """The links of an HTML page."""

    def __init__(self):
        super().__init__()
        self.hrefs = []

    def handle_starttag(self, tag, attrs):
        href = dict(attrs).get("href")
        if href and tag == "a":
            self.hrefs.append(href)


def _is_of(file: str, name: str, version: str) -> bool:
    """Whether a file's name, NAME-VERSION-TAGS.whl or NAME-VERSION.tar.gz, has these two."""
    match = re.match(rf"([\w.-]+?)-{re.escape(version)}(-[^/]+$|\.tar\.\w+$|\.tgz$|\.zip$)", file)
    return match is not None and _normalized(match[1]) == _normalized(name)


def _normalized(name: str) -> str:
    """The name as it stands in an index's URLs."""
    return re.sub("[-_.]+", "-", name).lower()
