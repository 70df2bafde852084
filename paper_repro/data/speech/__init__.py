"""Speech cut into frames, each labelled with the phone it belongs to (section 5.3).

Two sources, one loader: the real TIMIT where the user has it, else a corpus of the same shape
that espeak-ng speaks. `load_phones` gives frames, `many_class` whole phones.
"""
