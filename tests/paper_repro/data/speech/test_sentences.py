import re

import numpy as np

from paper_repro.data.speech.sentences import GRAMMAR, SLOT, sentence
from paper_repro.data.speech.voices import VOICES, speaker


def test_every_slot_has_alternatives_and_every_rule_is_reached():
    reached, todo = set(), {"sentence"}
    while todo:
        rule = todo.pop()
        reached.add(rule)
        assert GRAMMAR[rule]
        todo |= {slot for text in GRAMMAR[rule] for slot in SLOT.findall(text)} - reached
    assert reached == set(GRAMMAR)


def test_sentences_are_plain_text_and_follow_from_the_seed():
    said = [sentence(np.random.default_rng(seed)) for seed in range(300)]
    assert said == [sentence(np.random.default_rng(seed)) for seed in range(300)]
    assert len(set(said)) > 290
    for text in said:
        assert re.fullmatch(r"[A-Z][A-Za-z ,]*[.?]", text)
        assert not re.search(r"\b[Aa] [aeiou]", text)


def test_no_voice_speaks_in_two_parts_and_no_two_share_a_folder():
    everybody = [speaker(voice) for voices in VOICES.values() for voice in voices]
    assert len(set(everybody)) == len(everybody)
    assert all(name.isalnum() for name in everybody)
