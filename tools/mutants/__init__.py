"""The mutants of `make mutants`, by area."""

from tools.mutants import doctor, histories, index_phase, limits, module, table_walk, the_lab, write_path

MUTANTS = (
    *write_path.MUTANTS,
    *table_walk.MUTANTS,
    *module.MUTANTS,
    *doctor.MUTANTS,
    *the_lab.MUTANTS,
    *histories.MUTANTS,
    *limits.MUTANTS,
    *index_phase.MUTANTS,
)
