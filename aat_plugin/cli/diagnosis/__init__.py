"""What `aat doctor` looks at, a file a subject; each returns findings and imports what it needs inside its functions.

Read `findings` first, then `packages`, `framework`, `machine`, `plugin`.
"""
