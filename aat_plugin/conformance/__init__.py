"""Does this installation compute what the paper writes? Every equation compared with a restatement in NumPy.

Read `comparisons` first (the list of equations, and what fails when one is not compared), then `section_3`,
`section_5` and `section_6`. `reference` and `search_tables` are the restatement. An upper room, beside `results`: it
may use every other one, and meets fairseq through `bindings` alone. `aat conformance` prints the table.
"""
