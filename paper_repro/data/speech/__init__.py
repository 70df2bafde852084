"""Speech cut into frames, each labelled with its phone (section 5.3).

There are two sources: the real TIMIT if the user has it, and otherwise a corpus of the same shape,
spoken by espeak-ng. `load_phones` loads frames, `many_class` whole phones.
"""
