"""Schema changes, numbered 0001, 0002 ...: expand -> deploy -> contract, and data moves alone.

Run by `storage.db.migrate` in one transaction. Each revision is frozen: it imports nothing from
storage.schema, which goes on changing. `storage.db.HEAD` names the last one.
"""
