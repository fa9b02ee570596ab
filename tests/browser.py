"""A real browser without a window, for the tests of the sandbox page. Where there is none the test is skipped, and says
how to get one; .ci/run installs it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
WANTED = "no Chromium with its chromedriver on this machine (on Debian: apt install chromium chromium-driver)"


@contextmanager
def opened(width: int = 1280, height: int = 900, *, touch: bool = False) -> Iterator[Chrome]:
    """A browser with a window of this size in CSS pixels; `touch` makes it a phone's. Skips where there is none."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    driver = shutil.which("chromedriver")
    if not (program and driver):
        pytest.skip(WANTED)
    options = ChromeOptions()
    options.binary_location = program
    off = ("background-networking", "component-update", "sync", "gpu", "dev-shm-usage")
    for argument in (
        "headless=new",
        f"window-size={width},{height}",
        "no-sandbox",  # root in a container has no other way
        "no-first-run",
        *(f"disable-{what}" for what in off),
    ):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    if touch:  # a window is never as narrow as a phone
        metrics = {"width": width, "height": height, "pixelRatio": 2.0}
        options.add_experimental_option("mobileEmulation", {"deviceMetrics": metrics})
    chrome = Chrome(options=options, service=Service(driver))
    try:
        yield chrome
    finally:
        chrome.quit()
