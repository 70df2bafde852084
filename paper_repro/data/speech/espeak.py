"""Call libespeak-ng to speak a sentence and report when each of its phonemes begins.

The library is GPL-3 and has global state: only `generate`, a separate process, uses this module.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any

import numpy as np

from hgref.arguments import Array

RATE = 22050  # samples per second
SYNCHRONOUS = 2  # the callback gets all samples before espeak_Synth returns
PHONEME_EVENTS = 0x0001
DONT_EXIT = 0x8000
PHONEME = 7  # an event type
CHARS_UTF8 = 1
SPEED, PITCH = 1, 3  # parameters: words per minute; 0 … 100


class Identity(ctypes.Union):
    _fields_ = [
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_char * 8),
    ]


class Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h; a list of events ends with one of type 0."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", Identity),
    ]


CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event)
)


class Espeak:
    """The speech synthesizer; one per process, as the library's state is global.

    Raises   ModuleNotFoundError without espeakng-loader; RuntimeError if the library fails
    """

    def __init__(self) -> None:
        import espeakng_loader

        self.library = ctypes.CDLL(espeakng_loader.get_library_path())
        self.libc = ctypes.CDLL("msvcrt" if os.name == "nt" else None)
        self.sound: list[bytes] = []
        self.phonemes: list[tuple[int, str]] = []
        self.callback = CALLBACK(self.receive)  # keep a reference: the library has only its address
        data = os.fsencode(espeakng_loader.get_data_path())
        rate = self.library.espeak_Initialize(SYNCHRONOUS, 0, data, PHONEME_EVENTS | DONT_EXIT)
        if rate != RATE:
            raise RuntimeError(f"espeak_Initialize: expected {RATE} samples a second, found {rate}")
        self.library.espeak_SetSynthCallback(self.callback)

    def receive(self, sound: Any, n: int, events: Any) -> int:
        """The library calls this with the next n samples and the events that begin in them."""
        if sound and n > 0:
            self.sound.append(ctypes.string_at(sound, 2 * n))
        i = 0
        while events[i].type:
            if events[i].type == PHONEME:
                name = events[i].id.string.decode("utf-8", "replace")
                self.phonemes.append((events[i].sample, name))
            i += 1
        return 0

    def speak(
        self, voice: str, text: str, seed: int, speed: int, pitch: int
    ) -> tuple[Array, list[tuple[int, str]]]:
        """Samples (n,) int16 of the text, and (first sample, name) of each of its phonemes.

        voice   a voice of espeak-ng, such as en-us+m1
        seed    of the random numbers of the library and of libc, which it uses for noises
        speed   words per minute;  pitch  0 … 100, where 50 is the voice's own
        Exact   on one system, the same in every process with the same sequence of calls
        """
        self.sound, self.phonemes = [], []
        self.ask("espeak_SetVoiceByName", voice.encode())
        self.ask("espeak_SetParameter", SPEED, speed, 0)
        self.ask("espeak_SetParameter", PITCH, pitch, 0)
        self.library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        self.libc.srand(ctypes.c_uint(seed))
        data = text.encode()
        self.ask("espeak_Synth", data, len(data) + 1, 0, 1, 0, CHARS_UTF8, None, None)
        return np.frombuffer(b"".join(self.sound), np.int16), self.phonemes

    def ask(self, name: str, *arguments: Any) -> None:
        code = getattr(self.library, name)(*arguments)
        if code != 0:
            raise RuntimeError(f"{name}{arguments}: expected 0, found error {code}")
