"""A byte-level BPE tokenizer, learnt from text, in the files that Hugging Face's `AutoTokenizer` loads.

Rule: any text comes back as it was, since what has no token of its own is spelt in bytes; the same text gives the same
tokenizer.
"""

from collections.abc import Iterable, Sequence

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from training import readable_json
from training.data.documents import Document

END, USER, ASSISTANT = "<|endoftext|>", "<|user|>", "<|assistant|>"
SPECIAL = (END, USER, ASSISTANT)  # tokens 0, 1 and 2

TOKENIZER, CONFIG = "tokenizer.json", "tokenizer_config.json"

# The format of `encode`. There is no role for instructions, as no document has any.
_CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'assistant' -%}"
    f"{{{{- '{ASSISTANT}' + message['content'] + '{END}' -}}}}"
    "{%- elif message['role'] == 'user' -%}"
    f"{{{{- '{USER}' + message['content'] | trim -}}}}"
    "{%- endif -%}"
    "{%- endfor -%}"
    f"{{%- if add_generation_prompt -%}}{{{{- '{ASSISTANT}' -}}}}{{%- endif -%}}"
)


def learn(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """At most `vocab_size` tokens, the special ones and the 256 bytes first."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in SPECIAL],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def encode(tokenizer: Tokenizer, documents: Sequence[Document]) -> list[int]:
    """One stream: of each document the text and its end; where it has a name, as the answer to that as a question."""
    end, user, assistant = map(SPECIAL.index, (END, USER, ASSISTANT))
    names = tokenizer.encode_batch([document.name for document in documents], add_special_tokens=False)
    texts = tokenizer.encode_batch([document.text for document in documents], add_special_tokens=False)
    stream: list[int] = []
    for document, name, text in zip(documents, names, texts, strict=True):
        question = [user, *name.ids, assistant] if document.name else []
        stream += [*question, *text.ids, *([] if document.is_cut_off else [end])]
    return stream


def token_bytes(tokenizer: Tokenizer) -> list[int]:
    """How many bytes of text each token stands for: none for special ones."""
    names = [tokenizer.id_to_token(number) or "" for number in range(tokenizer.get_vocab_size())]
    return [0 if number < len(SPECIAL) else len(name) for number, name in enumerate(names)]


def config_file(max_length: int, has_questions: bool) -> bytes:
    """As tokenizer_config.json; `max_length` is the model's context in tokens. A conversation is for models that were
    trained on questions."""
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": END,
        "eos_token": END,
        "pad_token": END,
        "additional_special_tokens": [USER, ASSISTANT],
        "add_bos_token": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": max_length,
        **({"chat_template": _CHAT_TEMPLATE} if has_questions else {}),
    }
    return readable_json.encode(config)
