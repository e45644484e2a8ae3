"""The write protocol of one key, explored state by state with the function's own `version` rules.

`rules` holds what a configuration turns on and which rule a variant takes away, `state` the world and `aging` its time,
`world` what stands outside the function (people, engine, wire), `consumer` the trigger and the sync function, `readers`
the run, the repair and the redrive, `explore` the search and the property, `configurations` the named ones.
"""
