"""Makes docs/sandbox.png, the picture in the README: Ann has reported a sore shin, and Kim's phone rings.

    python docs/screenshot.py http://127.0.0.1:8765      while a fresh `make run` is on in another terminal

Wants what the tests of the page want (a Chromium with its chromedriver), and a font with colour emoji.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.browser import Screen, opened

PICTURE = Path(__file__).with_name("sandbox.png")


def main(address: str) -> None:
    with opened(1280, 1000) as chrome:
        screen = Screen(chrome, patience_s=30)
        chrome.get(address)
        for label in ("Something hurts", "Shin", "4", "Yes"):
            screen.tap("Ann", label)
        screen.wait('[data-phone="Kim"].lit .bubble.theirs', "shin, 4/10")
        chrome.execute_script("document.activeElement.blur()")
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [REST]})
        chrome.save_screenshot(str(PICTURE))


REST = {"name": "prefers-reduced-motion", "value": "reduce"}  # else the picture depends on the instant

if __name__ == "__main__":
    main(*sys.argv[1:])
