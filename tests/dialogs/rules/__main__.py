"""`python -m tests.dialogs.rules`: make docs/rules.md from the rule files."""

from __future__ import annotations

from dialogs.rules.book import shipped
from tests.dialogs.rules.page import PAGE, page

if __name__ == "__main__":
    PAGE.write_text(page(shipped()), encoding="utf-8")
