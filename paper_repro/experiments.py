"""The paper's experiments: a line for each, and all that asks for all of them reads it here."""

from __future__ import annotations

from types import ModuleType
from typing import NamedTuple

from paper_repro.costs import claims as costs_claims
from paper_repro.costs import command as costs
from paper_repro.hyper_cleaning import claims as hyper_cleaning_claims
from paper_repro.hyper_cleaning import command as hyper_cleaning
from paper_repro.hyper_cleaning import sweep as hyper_cleaning_sweep
from paper_repro.phones import claims as phones_claims
from paper_repro.phones import command as phones
from paper_repro.phones import sweep as phones_sweep
from paper_repro.recurrent import claims as recurrent_claims
from paper_repro.recurrent import command as recurrent
from paper_repro.relatives import claims as relatives_claims
from paper_repro.relatives import command as relatives
from paper_repro.surface import claims as surface_claims
from paper_repro.surface import command as surface
from paper_repro.task_interactions import claims as task_interactions_claims
from paper_repro.task_interactions import command as task_interactions
from paper_repro.task_interactions import sweep as task_interactions_sweep


class Experiment(NamedTuple):
    """What makes figures and tables, and what the paper says about them.

    command  a module with SUMMARY, add_options(parser) and run(options); what it writes is called
             NAME.* or NAME-….*, a JSON file beside each picture and table
    claims   a module with TITLE, PAPER (rows of the paper's table, or ()) and RULES: the stem of
             a JSON file → functions of its content that make a Claim; None: nothing is judged
    sweep    a module with load(setting, data_dir), methods(setting), run(data, task, needed), which
             a worker calls, and finish(found, data, setting, folder, beside); None: no seeds
    """

    command: ModuleType
    claims: ModuleType | None = None
    sweep: ModuleType | None = None


FIGURES: dict[str, Experiment] = {  # in the order of the paper; without a name, all are made
    "hyper-cleaning": Experiment(hyper_cleaning, hyper_cleaning_claims, hyper_cleaning_sweep),
    "task-interactions": Experiment(
        task_interactions, task_interactions_claims, task_interactions_sweep
    ),
    "phones": Experiment(phones, phones_claims, phones_sweep),
    "costs": Experiment(costs, costs_claims),
    "surface": Experiment(surface, surface_claims),
    "recurrent": Experiment(recurrent, recurrent_claims),
    "relatives": Experiment(relatives, relatives_claims),
}
