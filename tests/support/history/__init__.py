"""Generated histories of a table, delivered by the faithful trigger to the real function on the real engine.

`steps` is what a history is made of, `draw` how it is drawn; `world` runs one on what its `pool` shares; `truth` is table and stream,
`network` the gate with its faults, `aws` the table's and the queue's SDK clients, `tombstones` their
lifetime in the world's own time; `invariants` is what must hold, `mend` what puts right what was lost;
`explore` runs many and `minimise`s the first bad one.
"""
