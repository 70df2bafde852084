"""The registry of the paper's experiments, one line each."""

from __future__ import annotations

from types import ModuleType
from typing import NamedTuple

from paper_repro.costs import claims as costs_claims
from paper_repro.costs import command as costs
from paper_repro.hyper_cleaning import claims as hyper_cleaning_claims
from paper_repro.hyper_cleaning import command as hyper_cleaning
from paper_repro.hyper_cleaning import sweep as hyper_cleaning_sweep
from paper_repro.hyper_cleaning.deviations import DEVIATIONS as OF_HYPER_CLEANING
from paper_repro.phones import claims as phones_claims
from paper_repro.phones import command as phones
from paper_repro.phones import sweep as phones_sweep
from paper_repro.phones.deviations import DEVIATIONS as OF_PHONES
from paper_repro.recurrent import claims as recurrent_claims
from paper_repro.recurrent import command as recurrent
from paper_repro.relatives import claims as relatives_claims
from paper_repro.relatives import command as relatives
from paper_repro.sequel import claims as sequel_claims
from paper_repro.sequel import command as sequel
from paper_repro.surface import claims as surface_claims
from paper_repro.surface import command as surface
from paper_repro.table import Rows
from paper_repro.task_interactions import claims as task_interactions_claims
from paper_repro.task_interactions import command as task_interactions
from paper_repro.task_interactions import sweep as task_interactions_sweep
from paper_repro.task_interactions.deviations import DEVIATIONS as OF_TASK_INTERACTIONS


class Experiment(NamedTuple):
    """The modules of one experiment.

    command  a module with SUMMARY, add_options(parser) and run(options); its files are named
             NAME.* or NAME-….*, with a JSON file beside each picture and table
    claims   a module with TITLE, PAPER (rows of the paper's table, or ()) and RULES, which maps the
             stem of a JSON file to functions that turn its content into a Claim; None: no claims
    sweep    a module with load(setting, data_dir), methods(setting), run(data, task, needed), which
             the workers call, and finish(found, data, setting, folder, beside); None if the
             experiment cannot be repeated over seeds
    deviations  table of the settings in the paper, in the authors' code and here; () if there is
             none
    """

    command: ModuleType
    claims: ModuleType | None = None
    sweep: ModuleType | None = None
    deviations: Rows = ()


FIGURES: dict[str, Experiment] = {  # in the paper's order; all of them run if none is named
    "hyper-cleaning": Experiment(
        hyper_cleaning, hyper_cleaning_claims, hyper_cleaning_sweep, OF_HYPER_CLEANING
    ),
    "task-interactions": Experiment(
        task_interactions, task_interactions_claims, task_interactions_sweep, OF_TASK_INTERACTIONS
    ),
    "phones": Experiment(phones, phones_claims, phones_sweep, OF_PHONES),
    "costs": Experiment(costs, costs_claims),
    "surface": Experiment(surface, surface_claims),
    "recurrent": Experiment(recurrent, recurrent_claims),
    "relatives": Experiment(relatives, relatives_claims),
    "sequel": Experiment(sequel, sequel_claims),
}
