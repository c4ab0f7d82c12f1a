"""Everything that a person can do, as functions that take and return plain values.

The command line calls these functions, and a page can. They know no terminal. They raise the errors of `errors`, and
let those of the journal, the broker and the settings pass. A change comes in two steps: a `plan_…` function
returns what would change and changes nothing, another function makes the change.
"""
