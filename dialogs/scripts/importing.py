"""A plan that comes as a file: whose it is, and which number of a date is the day. Both only where it is not plain."""

from __future__ import annotations

from dialogs.engine import Option, Script, Step

IMPORT = Script("import", (Step("whose", ((Option("cancel", ends="cancelled"),),), offered=True),))
ORDER = Script(
    "order", (Step("order", ((Option("dmy"),), (Option("mdy"),), (Option("cancel", ends="cancelled"),))),), "import"
)
