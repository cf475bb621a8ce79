"""What the engine is asked to write and what it answers, whichever protocol carried it.

Rule: values only; names are vLLM's and OpenAI's. Tokens are numbers here, text is for whoever has the tokenizer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

MAX_LOGPROBS = 20
MAX_STOPS, MAX_STOP_CHARACTERS = 128, 16 * 1024
"""Stop strings of a request, and their characters all together."""

DEFAULTED = ("max_tokens", "temperature", "top_k", "top_p", "min_p", "repetition_penalty")
"""Of `SamplingParams`, what a model's files may say for requests that don't."""

NO_BIAS: Mapping[int, float] = MappingProxyType({})


class FinishReason(StrEnum):
    """OpenAI's words, and vLLM's for what was ended from outside."""

    STOP = "stop"
    """A stop token, a stop string, or a grammar that allows nothing more."""

    LENGTH = "length"
    """`max_tokens`, or the model's context is full."""

    ABORT = "abort"


class GrammarKind(StrEnum):
    """vLLM's names of structured outputs; `json_object` is any JSON object."""

    JSON_SCHEMA = "json"
    JSON_OBJECT = "json_object"
    REGEX = "regex"
    CHOICE = "choice"
    GRAMMAR = "grammar"


@dataclass(frozen=True, slots=True)
class Grammar:
    """What the answer must be. `text` is the schema as JSON, the regular expression, the choices as a JSON list, or a
    Lark grammar."""

    kind: GrammarKind
    text: str = ""


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How the next token is chosen, and when the answer ends. The defaults are OpenAI's.

    `max_tokens` None is as many as the context has room for. `temperature` 0 is greedy. `top_k` 0 is all tokens.
    `seed` None is another one for each request. `logprobs` is how many alternatives are told beside the chosen token,
    None for no logprobs at all. `stop` strings are no part of the answer unless `include_stop_str_in_output`, nor are
    the texts of special tokens with `skip_special_tokens`. `unsaid` are those of `DEFAULTED` that are OpenAI's because
    the request had none.
    """

    max_tokens: int | None = None
    min_tokens: int = 0
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: Mapping[int, float] = field(default_factory=lambda: NO_BIAS)
    seed: int | None = None
    stop: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] = ()
    include_stop_str_in_output: bool = False
    skip_special_tokens: bool = True
    ignore_eos: bool = False
    logprobs: int | None = None
    grammar: Grammar | None = None
    unsaid: frozenset[str] = field(default=frozenset(), compare=False)


GREEDY = SamplingParams(temperature=0.0)


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """A prompt, and how it goes on. `timeout` is in seconds until the answer must be there, 0 for none; `priority` 1 is
    the highest, 0 the model's default."""

    model_name: str
    prompt: tuple[int, ...]
    sampling: SamplingParams = field(default_factory=SamplingParams)
    timeout: float = 0.0
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Token:
    """One that was chosen. `logprob` is the natural logarithm of its probability by the model itself, before
    temperature and penalties; `top` the likeliest ones, best first. Both are 0.0 and empty unless asked for."""

    id: int
    logprob: float = 0.0
    top: tuple[tuple[int, float], ...] = ()
