"""A reward as its terms and their numbers, written to a readable file and read back from it."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from pydantic import Field

from rewardsmith.propose.grammar.catalogue import Catalogue
from rewardsmith.propose.grammar.terms import Term
from rewardsmith.records import Record
from rewardsmith.reward import ARGUMENTS, ENTRY_POINT, PARAMS_NAME


class Gene(Record):
    """One term in a reward."""

    name: str
    weight: float
    numbers: dict[str, float] = Field(default_factory=dict)


class Genome(Record):
    """A reward of the grammar's own, whole."""

    genes: tuple[Gene, ...]

    @property
    def names(self) -> frozenset[str]:
        return frozenset(gene.name for gene in self.genes)

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def with_gene(self, gene: Gene) -> Genome:
        """The same with this gene added, or put in the place of its namesake."""
        return Genome(genes=(*(g for g in self.genes if g.name != gene.name), gene))

    def without(self, name: str) -> Genome:
        return Genome(genes=tuple(gene for gene in self.genes if gene.name != name))

    def rescaled(self, name: str, factor: float) -> Genome:
        """The same with one weight multiplied."""
        changed = (
            g.model_copy(update={"weight": rounded(g.weight * factor)}) if g.name == name else g
            for g in self.genes
        )
        return Genome(genes=tuple(changed))


def gene_of(term: Term) -> Gene:
    """The term with the numbers of the plain reward."""
    return Gene(name=term.name, weight=term.weight, numbers=term.numbers)


def rounded(value: float) -> float:
    """Two significant digits: what a person would write."""
    return float(f"{value:.2g}")


def write(genome: Genome, catalogue: Catalogue) -> str:
    """The reward as a file in the contract; terms stand in the catalogue's order."""
    genes = {gene.name: gene for gene in genome.genes}
    terms = [term for term in catalogue.terms.values() if term.name in genes]
    lines = [*_header(terms), "import numpy as np", "", f"{PARAMS_NAME} = {{"]
    for term in terms:
        gene = genes[term.name]
        numbers = {"weight": gene.weight, **gene.numbers}
        lines += [f'    "{_param(term.name, key)}": {value!r},' for key, value in numbers.items()]
    lines += ["}", "", "", f"def {ENTRY_POINT}({', '.join(_arguments(terms))}):"]
    lines += [
        '    """Terms of the reward for n transitions; each is (n,), the reward their sum."""'
    ]
    for term in terms:
        lines += [f"    # {term.words}", *_assignment(term)]
    lines += ["    return {"]
    for term in terms:
        sign = "-" if term.charges else ""
        weight = f'{sign}params["{_param(term.name, "weight")}"]'
        lines.append(f'        "{term.name}": {weight} * {term.name},')
    return "\n".join([*lines, "    }"]) + "\n"


def read(code: str, catalogue: Catalogue) -> Genome | None:
    """The genome of a file that `write` wrote, also after its numbers were changed; else None.

    It is recovered from the file alone: the names of the terms and PARAMS. What would not be
    written again as the same program is somebody else's, and so is a weight that no factor moves.
    """
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return None
    params = _params(tree)
    genes = []
    for term in catalogue.terms.values():
        keys = {key: _param(term.name, key) for key in ("weight", *term.numbers)}
        if all(name in params for name in keys.values()):
            numbers = {key: params[name] for key, name in keys.items() if key != "weight"}
            genes.append(Gene(name=term.name, weight=params[keys["weight"]], numbers=numbers))
    genome = Genome(genes=tuple(genes))
    if not genes or not all(gene.weight > 0 for gene in genes):
        return None
    again = ast.parse(write(genome, catalogue))
    return genome if _without_params(again) == _without_params(tree) else None


def _params(tree: ast.Module) -> dict[str, float]:
    """The numbers in PARAMS, where it is a literal dictionary."""
    literal: object = {}
    try:
        for node in tree.body:
            if isinstance(node, ast.Assign) and _is_params(node):
                literal = ast.literal_eval(node.value)
    except (ValueError, TypeError):
        return {}
    items = literal.items() if isinstance(literal, dict) else ()
    return {name: float(value) for name, value in items if type(value) in (int, float)}


def _without_params(tree: ast.Module) -> list[str]:
    return [ast.dump(node) for node in tree.body if not _is_params(node)]


def _is_params(node: ast.stmt) -> bool:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name == PARAMS_NAME
    return False


def _header(terms: Iterable[Term]) -> list[str]:
    terms = list(terms)
    pays = [term.words for term in terms if not term.charges]
    charges = [term.words for term in terms if term.charges]
    lines = ['"""A reward composed of typed terms by the offline baseline; no model wrote it.', ""]
    for verb, what in (("Pays for", pays), ("Charges for", charges)):
        if what:
            lines += [f"{verb}:", *(f"- {words}" for words in what)]
    return [*lines, '"""', ""]


def _arguments(terms: Iterable[Term]) -> list[str]:
    """The arguments that the terms read, in the contract's order."""
    read_names = {
        node.id
        for term in terms
        for node in ast.walk(ast.parse(f"({_expression(term)})", mode="eval"))
        if isinstance(node, ast.Name)
    }
    return [name for name in ARGUMENTS if name in read_names or name == "params"]


def _assignment(term: Term) -> list[str]:
    parts = _expression(term).splitlines()
    if len(parts) == 1:
        return [f"    {term.name} = {parts[0]}"]
    return [f"    {term.name} = (", *(f"        {part}" for part in parts), "    )"]


def _expression(term: Term) -> str:
    return term.code.format(**{key: f'params["{_param(term.name, key)}"]' for key in term.numbers})


def _param(term: str, key: str) -> str:
    return f"{term}_{key}"
