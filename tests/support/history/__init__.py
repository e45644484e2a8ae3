"""Generated histories of a table, delivered by the faithful trigger to the real function on the real engine.

`steps` is what a history is made of and how it is drawn; `world` runs one; `truth` is table and stream,
`network` the gate with its faults, `aws` the table's and the queue's SDK clients, `tombstones` their
lifetime in the world's own time; `invariants` is what must hold.
"""
