import json
import re
from typing import Any

import jsonschema_rs
import numpy as np
import pytest
from llguidance import LLTokenizer

from serving.core.generation import Grammar, GrammarKind, SamplingParams, Token
from serving.errors import InvalidInput, Unsupported
from serving.sampling.grammar import Grammars
from serving.sampling.sampler import SamplerState, sample
from tests import tiny_tokenizers

TOKENIZERS = {"byte-level": tiny_tokenizers.byte_level(), "byte-fallback": tiny_tokenizers.byte_fallback()}
BYTES = {name: LLTokenizer(tokenizer.to_str()) for name, tokenizer in TOKENIZERS.items()}
PADDING = 6  # more tokens that the model has than its tokenizer
LENGTH = 400

SCHEMAS: dict[str, Any] = {
    "person": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 12},
            "age": {"type": "integer", "minimum": 0, "maximum": 150},
            "tags": {"type": "array", "items": {"enum": ["a", "b", 3, None]}, "maxItems": 3},
            "nested": {"anyOf": [{"type": "boolean"}, {"type": "number", "minimum": -1, "maximum": 1}]},
        },
        "required": ["name", "age", "nested"],
        "additionalProperties": False,
    },
    "tree": {
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {
                "type": "object",
                "properties": {"v": {"type": "integer"}, "kids": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
                "required": ["v"],
                "additionalProperties": False,
            }
        },
    },
    "pattern": {"type": "array", "items": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{3}$"}, "minItems": 2},
    "formats": {
        "type": "array",
        "prefixItems": [{"type": "string", "format": "date"}, {"const": "ü☃"}],
        "items": False,
    },
    "whatever": True,
    "unions": {"oneOf": [{"type": "string", "minLength": 2, "maxLength": 5}, {"type": "null"}]},
}


def untried(grammar: str, limits: object) -> str:
    return ""


@pytest.fixture(scope="module", params=TOKENIZERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def grammars(name: str) -> Grammars:
    return made(name)


def made(name: str = "byte-level", trial: Any = untried) -> Grammars:
    tokenizer = TOKENIZERS[name]
    return Grammars(tokenizer.to_str(), tokenizer.get_vocab_size() + PADDING, eos_ids(name), trial)


def eos_ids(name: str) -> list[int]:
    return [TOKENIZERS[name].token_to_id(text) for text in ("</s>", "<|im_end|>")]


def answers(grammars: Grammars, name: str, grammar: Grammar, count: int, eager: float = 4.0) -> list[bytes]:
    """What a model writes at random that knows nothing, and is `eager` to end."""
    vocab_size, ends = TOKENIZERS[name].get_vocab_size() + PADDING, eos_ids(name)
    compiled = grammars.compile(grammar)
    written = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        params = SamplingParams(temperature=0.0 if seed == 0 else 1.0)
        state = SamplerState(params, [], ends, seed, compiled.matcher())
        tokens: list[int] = []
        while not state.stopped:
            logits = rng.standard_normal((1, vocab_size)).astype(np.float32) * 2
            logits[0, ends] += eager
            logits[0, closing(name)] += 0.1 * len(tokens)
            (token,) = sample(logits, [state])
            assert isinstance(token, Token), token
            tokens.append(token.id)
            assert len(tokens) < LENGTH, "it doesn't come to an end"
        written.append(as_bytes(name, [token for token in tokens if token not in ends]))
    return written


def closing(name: str) -> list[int]:
    """A model that has written for long wants to close what it opened."""
    return [
        token for token in range(TOKENIZERS[name].get_vocab_size()) if as_bytes(name, [token]) in (b'"', b"]", b"}")
    ]


def as_bytes(name: str, tokens: list[int]) -> bytes:
    return bytes(BYTES[name].decode_bytes(tokens))


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_every_answer_is_valid_by_its_schema(grammars: Grammars, name: str, schema: Any) -> None:
    validator = jsonschema_rs.validator_for(schema)
    found = answers(grammars, name, Grammar(GrammarKind.JSON_SCHEMA, json.dumps(schema)), 12)
    for text in found:
        validator.validate(json.loads(text.decode()))
    assert len(set(found)) > 1


def test_a_json_object_is_one(grammars: Grammars, name: str) -> None:
    for text in answers(grammars, name, Grammar(GrammarKind.JSON_OBJECT), 8):
        assert isinstance(json.loads(text.decode()), dict)


@pytest.mark.parametrize("pattern", [r"[a-f]{3}-\d+", r"(yes|no)!?", r"(ü|☃)*z", r"[^\n]{2}", r".?"])
def test_an_answer_matches_its_regular_expression(grammars: Grammars, name: str, pattern: str) -> None:
    for text in answers(grammars, name, Grammar(GrammarKind.REGEX, pattern), 10):
        assert re.fullmatch(pattern, text.decode()), text


def test_an_answer_is_one_of_the_choices(grammars: Grammars, name: str) -> None:
    choices = ["yes", "ye", 'a"b\\c/\n\x01\x7f', "ü☃😀", "<|im_end|>", " %/x/ ", ""]
    found = answers(grammars, name, Grammar(GrammarKind.CHOICE, json.dumps(choices)), 100, eager=0.0)
    assert {text.decode() for text in found} == set(choices)


def test_an_answer_follows_a_grammar(grammars: Grammars, name: str) -> None:
    lark = Grammar(GrammarKind.GRAMMAR, 'start: item ("," item)*\nitem: /[0-9]{1,3}/ | "(" start ")"')
    gbnf = Grammar(GrammarKind.GRAMMAR, 'root ::= "x" ("," "x")*')
    for text in answers(grammars, name, lark, 5):
        assert re.fullmatch(rb"[0-9,()]+", text)
        assert text.count(b"(") == text.count(b")")
    for text in answers(grammars, name, gbnf, 5):
        assert re.fullmatch(rb"x(,x)*", text)


def test_blanks_end() -> None:
    grammars = made()
    matcher = grammars.compile(Grammar(GrammarKind.JSON_OBJECT)).matcher()
    brace, blank = (TOKENIZERS["byte-level"].token_to_id(text) for text in ("{", "Ċ"))
    matcher.accept(brace)
    for _ in range(40):
        matcher.accept(blank)
    logits = np.zeros(TOKENIZERS["byte-level"].get_vocab_size() + PADDING, np.float32)
    matcher.mask(logits)
    assert logits[blank] == -np.inf
    assert logits[TOKENIZERS["byte-level"].token_to_id("}")] == 0


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        (GrammarKind.JSON_SCHEMA, '{"type": "strin"}', "Invalid type: strin"),
        (GrammarKind.JSON_SCHEMA, '{"not": {"type": "string"}}', "Unimplemented keys"),
        (GrammarKind.JSON_SCHEMA, '{"oneOf": [{"type": "integer"}, {"type": "number"}]}', "oneOf"),
        (GrammarKind.JSON_SCHEMA, '{"type": "string", "minLength": 5, "maxLength": 2}', "minLength"),
        (GrammarKind.JSON_SCHEMA, '{"$ref": "http://127.0.0.1/x.json"}', "does not fetch"),
        (GrammarKind.JSON_SCHEMA, '{"$ref": "#"}', "can't be used"),
        (GrammarKind.JSON_SCHEMA, "false", "object"),
        (GrammarKind.JSON_SCHEMA, "7", "object"),
        (GrammarKind.JSON_SCHEMA, '{"items":' * 200 + "{}" + "}" * 200, "recursion limit"),
        (GrammarKind.REGEX, "(a", "unclosed group"),
        (GrammarKind.REGEX, "(?=a)b", "look-around"),
        (GrammarKind.REGEX, r"(a)\1", "backreferences"),
        (GrammarKind.REGEX, "(" * 5000 + "a" + ")" * 5000, "can't be used"),
        (GrammarKind.REGEX, "(a?){500}a{500}", "too many"),
        (GrammarKind.CHOICE, '["\\ud800"]', "can't be used"),
        (GrammarKind.GRAMMAR, 'start: "a', "lexer error"),
        (GrammarKind.GRAMMAR, "start: start", "can't be used"),
        (GrammarKind.GRAMMAR, "start: other", "other"),
    ],
)
def test_what_can_not_be_used_is_told_with_the_reason(kind: GrammarKind, text: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as raised:
        made().compile(Grammar(kind, text)).matcher()
    assert len(str(raised.value)) < 450
    assert "\n" not in str(raised.value)


def test_a_schema_that_no_step_could_follow_is_refused_before_the_first() -> None:
    schema = {"type": "object", "properties": {f"p{number}": {"type": "integer"} for number in range(1000)}}
    with pytest.raises(InvalidInput, match="items"):
        made().compile(Grammar(GrammarKind.JSON_SCHEMA, json.dumps(schema))).matcher()


def test_one_that_becomes_too_complex_later_is_an_error_of_its_sequence() -> None:
    state = SamplerState(
        SamplingParams(), [], [], 0, made().compile(Grammar(GrammarKind.REGEX, r"(\w{1,200} ?){1,200}")).matcher()
    )
    logits = np.zeros((1, TOKENIZERS["byte-level"].get_vocab_size() + PADDING), np.float32)
    logits[0, eos_ids("byte-level")] = -9.0
    answers = [sample(logits, [state])[0] for _ in range(100)]
    failed = [answer for answer in answers if isinstance(answer, InvalidInput)]
    assert isinstance(answers[0], Token)
    assert "it became too complex while the answer was written: too many expressions" in str(failed[0])


def test_a_token_that_was_not_allowed_is_an_error() -> None:
    matcher = made().compile(Grammar(GrammarKind.CHOICE, '["yes"]')).matcher()
    with pytest.raises(InvalidInput):
        matcher.accept(TOKENIZERS["byte-level"].token_to_id("n"))


def test_what_explodes_is_not_compiled_and_what_can_not_is_not_tried() -> None:
    tried = []

    def trial(text: str, limits: object) -> str:
        tried.append(text)
        return "it explodes"

    grammars = made(trial=trial)
    with pytest.raises(InvalidInput, match="the regular expression of the answer can't be used: it explodes"):
        grammars.compile(Grammar(GrammarKind.REGEX, "bomb")).matcher()
    assert len(tried) == 1
    matcher = grammars.compile(Grammar(GrammarKind.CHOICE, '["a"]')).matcher()
    assert repr(matcher) == "<GrammarMatcher choice>"
    assert len(tried) == 1, "a choice is as large as its text"


def test_ten_thousand_choices_are_possible() -> None:
    texts = [f"{number:05} is the answer" for number in range(10_000)]
    matcher = made().compile(Grammar(GrammarKind.CHOICE, json.dumps(texts))).matcher()
    for token in TOKENIZERS["byte-level"].encode(texts[7777]).ids:
        assert not matcher.is_over
        matcher.accept(token)
    assert matcher.is_over


def test_a_grammar_that_can_be_read_in_ever_more_ways_ends_with_a_reason() -> None:
    """Each letter makes more of them, and each of them makes the next step dearer."""
    compiled = made().compile(Grammar(GrammarKind.GRAMMAR, "start: s\ns: s s | s s s | T\nT: /[a-z]/"))
    state = SamplerState(SamplingParams(temperature=0.0), [], [], 0, compiled.matcher())
    logits = np.zeros((1, TOKENIZERS["byte-level"].get_vocab_size() + PADDING), np.float32)
    logits[0, TOKENIZERS["byte-level"].token_to_id("a")] = 1.0
    answer: Any = None
    while not isinstance(answer, InvalidInput):
        assert state.position < 100
        (answer,) = sample(logits, [state])
    assert "became too complex while the answer was written" in str(answer)
    assert "max is 500" in str(answer)


def test_a_schema_of_many_optional_properties_is_followed() -> None:
    schema = {"type": "object", "properties": {f"p{number}": {"type": "integer"} for number in range(400)}}
    for text in answers(made(), "byte-level", Grammar(GrammarKind.JSON_SCHEMA, json.dumps(schema)), 2):
        jsonschema_rs.validate(schema, json.loads(text))


def test_sequences_of_one_grammar_do_not_touch_one_another() -> None:
    grammars = made()
    grammar = Grammar(GrammarKind.CHOICE, '["ab"]')
    compiled = grammars.compile(grammar)
    first, second = compiled.matcher(), compiled.matcher()
    for text in "ab":
        first.accept(TOKENIZERS["byte-level"].token_to_id(text))
    assert (first.is_over, second.is_over) == (True, False)
    assert repr(first) == "<GrammarMatcher choice, over>"


def test_a_tokenizer_that_can_not_follow_one_is_told_to_who_asks() -> None:
    tokenizer = tiny_tokenizers.word_piece()
    grammars = Grammars(tokenizer.to_str(), tokenizer.get_vocab_size(), [], untried)
    with pytest.raises(Unsupported, match="not possible with the model's tokenizer"):
        grammars.compile(Grammar(GrammarKind.JSON_OBJECT)).matcher()
