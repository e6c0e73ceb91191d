"""What a designer chooses: hardware and mapping, the choices by name, and which of them go together.

| module | what is in it |
|---|---|
| `choices` | dataflows, zero modes, intersection units, schedules, residencies: one record each; weight vectors |
| `fields` | what a record of a field says: `Number` (unit, bounds, source, help), `Selection`, `Capability` |
| `hardware` | `Hardware`, `Mapping`, whose fields are the records; the lists of names, units and bounds |
| `legality` | which choices go together, and which change nothing |
"""
