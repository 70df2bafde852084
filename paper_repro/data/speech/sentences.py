"""Generate sentences from a grammar of templates and common words."""

from __future__ import annotations

import re

import numpy as np


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# a name in braces is replaced by one of its alternatives
GRAMMAR: dict[str, tuple[str, ...]] = {
    "sentence": (
        "{who} {did} {what} {where}.",
        "{who} {did} {what}.",
        "{when}, {who} {did} {what}.",
        "{who} {went} {where} {when}.",
        "{who} was {feeling}, and {who} {went} {where}.",
        "{who} {did} {what} because {who} was {feeling}.",
        "could {who} {do} {what} {when}?",
        "why would {who} {do} {what}?",
        "please {do} {what} and {do} {what}.",
        "{number} {things} were {placed} {where}.",
        "{what} and {what} were {placed} {where}.",
    ),
    "who": (
        "the {person}",
        "the {quality} {person}",
        "a {quality} {person}",
        "{name}",
        "{name} and the {person}",
        "{pronoun}",
        "every {person} in the {place}",
    ),
    "what": (
        "the {thing}",
        "the {quality} {thing}",
        "a {colour} {thing}",
        "{number} {things}",
        "{number} {quality} {things}",
        "their {things} and the {thing}",
        "this {thing} with its {things}",
        "another {thing} from the {place}",
    ),
    "where": (
        "{near} the {place}",
        "{near} the {quality} {place}",
        "{near} a {place} with {number} {things}",
    ),
    "when": (
        "yesterday {daytime}",
        "on {day}",
        "early in the {daytime}",
        "{number} days ago",
        "just before {day}",
        "every {daytime}",
    ),
    "near": words("near behind beyond above under beside inside around through toward"),
    "pronoun": ("she", "he", "they", "you", "nobody", "somebody"),
    "name": words(
        "Roy Joyce Theo Edith Hugh Judith Bridget Martha Arthur Joan Paul Laura George Ruth Sean "
        "Beth Victor Oscar Ian Leah Naomi Yvonne Charles Audrey Keith Eugene Sophia Walter"
    ),
    "person": words(
        "teacher farmer judge child brother mother father sailor baker young boy girl woman nurse "
        "doctor author painter soldier neighbor engineer visitor musician lawyer uncle cousin "
        "student player king queen butcher scientist treasurer guard boyfriend"
    ),
    "thing": words(
        "book chair bridge watch garage wheel letter button bottle ladder treasure picture guitar "
        "shoe boat house choice toy coin sword cloth bath path mirror fire wire pure cure tour "
        "poem idea vision measure jacket orange apple onion carrot turkey church judge yard cube "
        "few view thumb tongue ring song finger anchor kitchen garden curtain lemon villain bag "
        "egg flag goat glass hat hammer horse palm collage mountain fountain cotton"
    ),
    "things": words(
        "books chairs bridges watches wheels letters buttons bottles ladders pictures shoes boats "
        "houses choices toys coins swords clothes paths mirrors fires wires tours poems ideas "
        "leaves knives gloves months maths moths teeth birds words nurses oranges apples onions "
        "carrots turkeys churches judges cubes views thumbs tongues rings songs fingers bags eggs "
        "dogs goats gloves hats hammers horses palms garages buttons mittens"
    ),
    "place": words(
        "garden harbor village river theatre kitchen beach valley church school airport station "
        "forest mountain bakery library market office tower north south house yard ocean bureau "
        "cottage college museum hospital factory road avenue square castle island tunnel"
    ),
    "quality": words(
        "quick little happy angry quiet strange smooth thick thin rough heavy usual casual "
        "beautiful pure noisy joyful careful thirsty hungry huge useful foolish wealthy clever "
        "ordinary annual early rare square weird sincere genuine loyal royal loud proud cloudy "
        "short calm good big great hot high hidden rotten warm cold frozen broken golden wooden "
        "sudden modern northern southern"
    ),
    "colour": words("red blue green yellow purple orange brown white black gray violet"),
    "feeling": words(
        "happy angry tired sure thirsty hungry ready worried joyful quiet proud sorry afraid "
        "curious cheerful furious obscure nervous early late"
    ),
    "did": words(
        "measured carried brought bought found watched pushed pulled painted washed cooked "
        "destroyed enjoyed avoided counted covered borrowed hid showed threw chose touched "
        "joined judged changed raised poured heard wore tore shared loved used moved gave "
        "grabbed hugged held hit guessed forgot"
    ),
    "do": words(
        "measure carry bring buy find watch push pull paint wash cook destroy enjoy avoid count "
        "cover borrow hide show throw choose touch join judge change raise pour hear wear tear "
        "share love use move give grab hug hold hit guess forget"
    ),
    "went": words(
        "walked ran jumped slept waited laughed worked played stayed arrived disappeared stood "
        "traveled wandered rested voted argued played smiled shouted sang"
    ),
    "placed": ("found", "lost", "hidden", "thrown", "sold", "burned", "thought to be", "shown"),
    "number": words(
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
        "sixteen twenty thirty forty ninety few many several most both"
    ),
    "day": words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday Easter"),
    "daytime": ("morning", "evening", "night", "afternoon", "hour", "year"),
}
SLOT = re.compile(r"\{(\w+)\}")
LONE_A = re.compile(r"\ba (?=[aeiou])")


def sentence(rng: np.random.Generator) -> str:
    """A random sentence from the grammar, with an initial capital and final punctuation."""
    text = LONE_A.sub("an ", expand("{sentence}", rng))
    return text[0].upper() + text[1:]


def expand(template: str, rng: np.random.Generator) -> str:
    """Replace every slot of the template by a random alternative, which is expanded in turn."""

    def chosen(slot: re.Match[str]) -> str:
        alternatives = GRAMMAR[slot[1]]
        return expand(alternatives[rng.integers(len(alternatives))], rng)

    return SLOT.sub(chosen, template)
