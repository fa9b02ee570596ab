"""A real browser without a window, for the tests of the sandbox page. Where there is none the test is skipped, and says
how to get one; .ci/run installs it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
WANTED = "no Chromium with its chromedriver on this machine (on Debian: apt install chromium chromium-driver)"


@contextmanager
def opened(width: int = 1280, height: int = 900, *, touch: bool = False, dark: bool = False) -> Iterator[Chrome]:
    """A browser with a window of this size in CSS pixels; `touch` makes it a phone's, `dark` one that wants dark pages.
    Skips where there is none."""
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
        wanted = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": wanted})
        yield chrome
    finally:
        chrome.quit()


@dataclass(slots=True)
class Screen:
    """The page as somebody in front of it uses it. `who` is whose phone."""

    chrome: Chrome
    patience_s: float = 60  # a limit for a machine that is busy with other things; nothing here measures time

    def wait(self, selector: str, text: str = "") -> str:
        """Until an element in sight has this text; gives all of its text."""

        def look(_: object) -> str | None:
            found: list[str] = self.chrome.execute_script(
                "return [...document.querySelectorAll(arguments[0])]"
                ".filter(one => one.checkVisibility()).map(one => one.innerText)",
                selector,
            )
            return next((one or " " for one in found if text in one), None)

        return str(WebDriverWait(self.chrome, self.patience_s, 0.1).until(look, f"{text!r} is not in {selector!r}"))

    def reads(self, who: str, text: str) -> str:
        return self.wait(f'[data-phone="{who}"] .bubble.theirs', text)

    def press(self, selector: str) -> None:
        """The newest such element, with the mouse or thumb. A bubble may just be replaced by its next question."""

        def click(chrome: Chrome) -> bool:
            chrome.find_elements(By.CSS_SELECTOR, selector)[-1].click()
            return True

        patient = WebDriverWait(self.chrome, self.patience_s, 0.1, ignored_exceptions=(Exception,))
        patient.until(click, f"cannot press {selector!r}")

    def pick_up(self, who: str) -> None:
        """Look at this phone. Where there is room for all of them, nothing is to be done for that."""
        tab = f'[data-tab="{who}"]'
        WebDriverWait(self.chrome, self.patience_s, 0.1).until(lambda _: self.count(tab), f"{who} is not there")
        if self.chrome.find_element(By.CSS_SELECTOR, tab).is_displayed():
            self.press(tab)

    def turn_to(self, who: str, room: str) -> None:
        """To another chat on this phone: a topic, or that with the bot."""
        self.press(f'[data-phone="{who}"] [data-room="{room}"]')
        self.wait(f'[data-phone="{who}"] [data-room="{room}"][aria-selected="true"]')

    def does(self, who: str, act: str) -> None:
        """What the menu on top of this phone offers."""
        self.press(f'[data-phone="{who}"] .top .menu summary')
        self.press(f'[data-phone="{who}"] .top .menu [data-act="{act}"]')

    def tap(self, who: str, label: str, under: str = "") -> None:
        """The newest button with this label; `under`: below the newest message with these words that has one."""
        button = f'[data-button*="{label}"]'
        if not under:
            self.press(f'[data-phone="{who}"] {button}')
            return
        find = (
            "return [...document.querySelectorAll(arguments[0])].filter(one => one.innerText.includes(arguments[1]))"
            ".map(one => one.querySelector(arguments[2])).filter(Boolean).at(-1)"
        )

        def click(chrome: Chrome) -> bool:
            chrome.execute_script(find, f'[data-phone="{who}"] .bubble', under, button).click()
            return True

        patient = WebDriverWait(self.chrome, self.patience_s, 0.1, ignored_exceptions=(Exception,))
        patient.until(click, f"{who} cannot press {label!r} below {under!r}")

    def say(self, who: str, words: str) -> None:
        field = self.chrome.find_element(By.CSS_SELECTOR, f'[data-phone="{who}"] textarea')
        field.send_keys(words, Keys.ENTER)
        self.wait(f'[data-phone="{who}"] .bubble.mine', words)

    def sticks_out(self) -> list[str]:
        """What is wider than the window."""
        found: list[str] = self.chrome.execute_script(
            "return [...document.querySelectorAll('main *, .bar *')]"
            ".filter(one => one.checkVisibility() && !one.closest('.rooms')"
            " && one.getBoundingClientRect().right > innerWidth + 1).map(one => one.outerHTML.slice(0, 200))"
        )
        return found

    def shot(self, path: Path) -> None:
        """A picture for whoever looks at it."""
        self.chrome.save_screenshot(str(path))

    def count(self, selector: str) -> int:
        return len(self.chrome.find_elements(By.CSS_SELECTOR, selector))

    def no_errors(self) -> None:
        """The browser's console holds no complaint about the page."""
        console: list[dict[str, str]] = self.chrome.get_log("browser")  # type: ignore[no-untyped-call]
        assert [one for one in console if one["level"] == "SEVERE"] == []
