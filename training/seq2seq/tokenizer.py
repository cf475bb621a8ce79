"""Texts and answers in bytes, where wanted of texts that look alike those of one: in the files that a server reads.

Rule: a text ends with the token that begins its answer, which the tokenizer itself puts there.
"""

from collections.abc import Sequence

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from training import readable_json
from training.models.seq2seq import PAD

END, BEGIN = "<|end|>", "<|begin|>"
END_ID, BEGIN_ID = PAD, PAD + 1

TOKENIZER, CONFIG = "tokenizer.json", "tokenizer_config.json"
VOCABULARY = 258  # bytes, and both special tokens


def byte_tokenizer(folds: bool) -> Tokenizer:
    """`folds`: capitals and accents, which people leave out, make no difference."""
    tokens = (END, BEGIN, *sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer = Tokenizer(models.BPE(vocab={token: number for number, token in enumerate(tokens)}, merges=[]))
    folding = [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()] if folds else []
    tokenizer.normalizer = normalizers.Sequence([*folding, normalizers.Strip()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(single=f"$A {BEGIN}", special_tokens=[(BEGIN, BEGIN_ID)])
    tokenizer.add_special_tokens([END, BEGIN])
    return tokenizer


def encoded(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Without what begins an answer."""
    return [encoding.ids for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False)]


def config_file(max_length: int) -> bytes:
    """`tokenizer_config.json`; `max_length` is for a text and its answer together."""
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END,
        "pad_token": END,
        "padding_side": "left",
        "clean_up_tokenization_spaces": False,
        "model_max_length": max_length,
    }
    return readable_json.encode(config)
