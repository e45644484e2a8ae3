"""The mutants of `make mutants`, by area."""

from tools.mutants import (
    alarms,
    command_line,
    condition,
    doctor,
    histories,
    index_phase,
    limits,
    module,
    owners,
    reconciliation,
    release,
    rolling,
    shape,
    the_lab,
    verdict,
    write_path,
)

MUTANTS = (
    *write_path.MUTANTS,
    *reconciliation.MUTANTS,
    *module.MUTANTS,
    *doctor.MUTANTS,
    *the_lab.MUTANTS,
    *histories.MUTANTS,
    *limits.MUTANTS,
    *command_line.MUTANTS,
    *alarms.MUTANTS,
    *index_phase.MUTANTS,
    *shape.MUTANTS,
    *condition.MUTANTS,
    *verdict.MUTANTS,
    *rolling.MUTANTS,
    *release.MUTANTS,
    *owners.MUTANTS,
)
