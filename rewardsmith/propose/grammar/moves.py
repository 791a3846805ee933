"""How rewards are changed: by what their training showed, by crossing two, or by a fresh start."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rewardsmith.observe import Observation
from rewardsmith.propose.grammar import surgery
from rewardsmith.propose.grammar.catalogue import Catalogue
from rewardsmith.propose.grammar.genome import Gene, Genome, gene_of, rounded
from rewardsmith.propose.grammar.terms import Term

GOAL_UP, DOWN, STRONG_DOWN = 2.0, 0.5, 0.25


def plain(catalogue: Catalogue) -> Genome:
    """The plainest reward: the first shape of every goal, survival where it counts, effort."""
    goals = [gene_of(group[0]) for group in catalogue.goals]
    extras = [gene_of(term) for term in catalogue.extras if term.name in catalogue.plain]
    return Genome(genes=(*goals, *extras))


def design(catalogue: Catalogue, index: int, rng: np.random.Generator) -> Genome:
    """The design of a first generation's place: 0 the plainest, then other shapes and weights.

    The shape of the goals goes round with `index`, so that neighbours differ in kind and not in
    numbers alone; what stands beside the goals is drawn.
    """
    if index == 0:
        return plain(catalogue)
    goals = [gene_of(group[index % len(group)]) for group in catalogue.goals]
    extras = [gene_of(term) for term in catalogue.extras if rng.random() < _chance(term, catalogue)]
    genome = Genome(genes=(*goals, *extras)) if goals or extras else plain(catalogue)
    return jittered(genome, rng, spread=0.4)


def _chance(term: Term, catalogue: Catalogue) -> float:
    """How often a design holds an extra; what the plain reward has of survival, always.

    Where an episode can end early, a reward that charges more than it pays teaches to end it.
    """
    if term.name not in catalogue.plain:
        return 0.3
    return 1.0 if term.role == "survival" else 0.8


def jittered(genome: Genome, rng: np.random.Generator, spread: float) -> Genome:
    """The same terms with every number multiplied by exp(N(0, spread))."""

    def moved(value: float) -> float:
        return rounded(value * float(np.exp(rng.normal(0.0, spread))))

    return Genome(
        genes=tuple(
            Gene(
                name=gene.name,
                weight=moved(gene.weight),
                numbers={key: moved(value) for key, value in gene.numbers.items()},
            )
            for gene in genome.genes
        )
    )


def crossed(
    first: Genome, second: Genome, catalogue: Catalogue, rng: np.random.Generator
) -> Genome:
    """A child: each goal from one parent, shared extras between their weights, others by chance."""
    genes: list[Gene] = []
    for group in catalogue.goals:
        donor = first if rng.random() < 0.5 else second
        genes += [gene for gene in donor.genes if any(gene.name == term.name for term in group)]
    extras = {term.name for term in catalogue.extras}
    mine = {gene.name: gene for gene in first.genes if gene.name in extras}
    yours = {gene.name: gene for gene in second.genes if gene.name in extras}
    for name in sorted(mine.keys() | yours.keys()):
        if name in mine and name in yours:
            weight = rounded((mine[name].weight + yours[name].weight) / 2)
            genes.append(mine[name].model_copy(update={"weight": weight}))
        elif rng.random() < 0.5:
            genes.append((mine | yours)[name])
    return Genome(genes=tuple(genes)) if genes else first


def mended(
    genome: Genome, catalogue: Catalogue, observations: tuple[Observation, ...]
) -> Iterator[Genome]:
    """What the statistics of the training call for, the most telling change first."""
    for observation in observations:
        if observation.term in genome:
            yield from _on_term(genome, catalogue, observation)
        elif not observation.term:
            yield from _on_episodes(genome, catalogue, observation)


def varied(genome: Genome, catalogue: Catalogue, rng: np.random.Generator) -> Iterator[Genome]:
    """Without end: single changes in drawn order, then all numbers moved further and further."""
    changes: list[Genome] = []
    for gene in genome.genes:
        role = catalogue.terms[gene.name].role
        changes.append(genome.rescaled(gene.name, GOAL_UP if role == "goal" else DOWN))
        if role in ("posture", "effort") and len(genome.genes) > 1:
            changes.append(genome.without(gene.name))
        changes += _reshaped(genome, catalogue, gene.name)
    changes += [
        genome.with_gene(gene_of(term)) for term in catalogue.extras if term.name not in genome
    ]
    yield from (changes[i] for i in rng.permutation(len(changes)))
    spread = 0.3
    while True:
        yield jittered(genome, rng, spread)
        spread = min(spread * 1.2, 2.0)


def foreign(
    code: str, observations: tuple[Observation, ...], rng: np.random.Generator
) -> Iterator[str]:
    """Changes to a reward that the grammar did not write: its terms and numbers, rescaled."""
    terms = {handle.name: handle for handle in surgery.terms(code)}
    factors = {"dominating": STRONG_DOWN, "silent": 10.0, "flat": DOWN}
    for observation in observations:
        if observation.term in terms and observation.kind in factors:
            yield surgery.scaled(code, terms[observation.term], factors[observation.kind])
    handles = surgery.params(code) or tuple(terms.values())
    for spread in (1.0, 1.5, 2.0):
        for i in rng.permutation(len(handles)):
            factor = rounded(float(np.exp(rng.normal(0.0, spread))))
            yield surgery.scaled(code, handles[i], factor)


def _on_term(genome: Genome, catalogue: Catalogue, observation: Observation) -> Iterator[Genome]:
    name, role = observation.term, catalogue.terms[observation.term].role
    match observation.kind:
        case "dominating" if role != "goal":
            yield genome.rescaled(name, STRONG_DOWN)
        case "silent" | "flat" | "constant" if role == "goal":
            yield from _reshaped(genome, catalogue, name)
        case "silent" | "flat" | "constant" if role != "survival" and len(genome.genes) > 1:
            yield genome.without(name)


def _on_episodes(
    genome: Genome, catalogue: Catalogue, observation: Observation
) -> Iterator[Genome]:
    match observation.kind:
        case "short" if any(term.name == "alive" for term in catalogue.extras):
            yield from _more_of(genome, catalogue, ("alive", "upright"))
        case "full" if "alive" in genome:
            yield genome.rescaled("alive", DOWN)
        case "zero" | "stuck" | "parted":
            for name in [gene.name for gene in genome.genes if catalogue.group_of(gene.name)]:
                yield genome.rescaled(name, GOAL_UP)
                yield from _reshaped(genome, catalogue, name)
        case "fell":
            yield from _more_of(genome, catalogue, ("jerk", "unsteady"))


def _more_of(genome: Genome, catalogue: Catalogue, names: tuple[str, ...]) -> Iterator[Genome]:
    """One extra at a time, with twice its weight, or added where it is missing."""
    for term in catalogue.extras:
        if term.name in names:
            added = genome.with_gene(gene_of(term))
            yield genome.rescaled(term.name, GOAL_UP) if term.name in genome else added


def _reshaped(genome: Genome, catalogue: Catalogue, name: str) -> list[Genome]:
    """The goal `name` in each of its other shapes."""
    return [
        genome.without(name).with_gene(gene_of(term))
        for term in catalogue.group_of(name)
        if term.name not in genome
    ]
