"""Generated histories of a table, delivered by the faithful trigger to the real function on the real engine.

`steps` is what a history is made of, `draw` how it is drawn; `world` runs one on what its `pool` shares;
`truth` is table and stream, `network` the gate with its faults, `aws` the SDK's clients, `tombstones` their
lifetime in the world's own time; `invariants` is what must hold, `mend` what puts right what was lost;
`explore` runs many, and makes the first bad one minimal by `minimise`.
"""
