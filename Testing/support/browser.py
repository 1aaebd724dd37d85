"""Headless Chromium, where it is installed: a page with a script in it, and what that script found."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import unquote

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
HELP = """
const press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const saved = [];
URL.createObjectURL = (blob) => { saved.push(blob.text()); return "data:,"; };
HTMLAnchorElement.prototype.click = function () {};
"""


def driven(page: Path, script: str, virtual_ms: int = 20000) -> Any:
    """What a script's promise gives on a page, as JSON. The page's file is changed.

    script: the body of an async function; `press(key)`, `wait(ms)` and `saved`, texts of downloads, are there for it.
    """
    drive = (
        f"<script>{HELP}(async () => {{ const outcome = await (async () => {{ {script} }})();"
        ' document.body.textContent = "OUTCOME" + encodeURIComponent(JSON.stringify(outcome)) + "OUTCOME"; })();'
        "</script>"
    )
    page.write_text(page.read_text(encoding="utf-8").replace("</body>", drive + "</body>"), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    flags += [f"--user-data-dir={page.parent / 'profile'}", f"--virtual-time-budget={virtual_ms}", "--dump-dom"]
    done = subprocess.run(
        [CHROMIUM or "", *flags, page.as_uri()], capture_output=True, text=True, timeout=60, check=False
    )
    _, text, _ = done.stdout.split("OUTCOME")
    return json.loads(unquote(text))
