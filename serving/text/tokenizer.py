"""A model's tokenizer, as Hugging Face's files describe it.

Rule: text and tokens as transformers has them for the same files; what is wrong with a file is said to the model's
owner when the model is loaded.
"""

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from serving.errors import ModelLoadFailed
from serving.text import pieces
from serving.text.chat_template import ChatTemplate
from serving.text.detokenizer import Detokenizer, PieceDetokenizer, WindowDetokenizer
from serving.text.tokenizer_files import TokenizerFiles

_NONE: frozenset[int] = frozenset()


class TextTokenizer:
    """Thread-safe; `encode` runs without the GIL."""

    def __init__(self, files: TokenizerFiles) -> None:
        """Raises `ModelLoadFailed`."""
        self.json = files.tokenizer
        """The text of tokenizer.json, for libraries of grammars."""
        self._tokenizer = _made(files.tokenizer)
        self._special = frozenset(n for n, it in self._tokenizer.get_added_tokens_decoder().items() if it.special)
        self._pieces = pieces.read(files.decoder)
        self._bytes: dict[int, bytes | None] = {}
        self.vocab_size: int = self._tokenizer.get_vocab_size(with_added_tokens=True)
        self.eos_token_ids = self._eos_token_ids(files)
        self.bos = _first_known(self._id_of(files.special_tokens.get("bos_token")), files.bos_token_id)
        """The token that begins a text, None where there is none."""
        self.model_max_length = files.model_max_length
        """Positions the model was made for, None where no file says."""
        self.cuts = files.cuts
        """Whether of a longer text the end is not read, as the model's makers want it, rather than refused."""
        self.sampling = files.sampling
        """For requests that don't say how to sample."""
        self.chat_template = ChatTemplate(files.chat_template, files.special_tokens)

    @classmethod
    def read(cls, directory: Path) -> "TextTokenizer":
        """From tokenizer.json and, where they are, tokenizer_config.json, chat_template.jinja, generation_config.json
        and config.json. Raises `ModelLoadFailed`."""
        return cls(TokenizerFiles.read(directory))

    def __repr__(self) -> str:
        return f"<TextTokenizer {self.vocab_size} tokens>"

    def encode(self, text: str, special: bool = True, most: int | None = None) -> tuple[int, ...]:
        """`special` adds what the model wants around a text, such as a token that begins it; they are among the `most`
        tokens, where the end of the text is left out for them. None for all of it."""
        added = special and most is None
        (encoding,) = self._tokenizer.encode_batch_fast([text], add_special_tokens=added)  # `encode` holds the GIL
        if most is None:
            return tuple(encoding.ids)
        encoding.truncate(max(most - self._tokenizer.num_special_tokens_to_add(False) * special, 0))
        return tuple(self._tokenizer.post_process(encoding, None, special).ids[:most])

    def decode(self, ids: Sequence[int], skip_special: bool = True) -> str:
        """What a stream of these tokens says, in one piece."""
        if self._pieces is None:
            return str(self._tokenizer.decode(list(ids), skip_special_tokens=skip_special))
        detokenizer = self.detokenizer(skip_special)
        return "".join(map(detokenizer.add, ids)) + detokenizer.end()

    def detokenizer(self, skip_special: bool = True) -> Detokenizer:
        """For one answer, from its first token on."""
        hidden = self._special if skip_special else _NONE
        if self._pieces is None:
            return WindowDetokenizer(lambda ids: self.decode(ids, skip_special), hidden)

        def piece(token_id: int, first: bool) -> bytes | None:
            if token_id in hidden:
                return None
            return self._made_piece(token_id, first) if first else self._piece(token_id)

        return PieceDetokenizer(self._pieces, piece)

    def token_bytes(self, token_id: int) -> bytes:
        """What the token adds to a text that it doesn't begin; empty for a number that is no token's."""
        return self._piece(token_id) or b""

    def token_text(self, token_id: int) -> str:
        """The same as text; for a part of a character as OpenAI writes it, `bytes:\\xe2\\x82`."""
        piece = self.token_bytes(token_id)
        try:
            return piece.decode()
        except UnicodeDecodeError:
            return "bytes:" + "".join(f"\\x{byte:02x}" for byte in piece)

    def _piece(self, token_id: int) -> bytes | None:
        if token_id not in self._bytes:
            self._bytes[token_id] = self._made_piece(token_id, first=False)
        return self._bytes[token_id]

    def _made_piece(self, token_id: int, first: bool) -> bytes | None:
        """None for what is no token: a model may have more rows than there are."""
        token = self._tokenizer.id_to_token(token_id)
        if token is None:
            return None
        if self._pieces is None:
            return self._tokenizer.decode([token_id], skip_special_tokens=False).encode()
        return self._pieces.of(token, first)

    def _eos_token_ids(self, files: TokenizerFiles) -> tuple[int, ...]:
        own = self._id_of(files.special_tokens.get("eos_token"))
        return tuple(dict.fromkeys((*(() if own is None else (own,)), *files.eos_token_ids)))

    def _id_of(self, token: str | None) -> int | None:
        return None if token is None else self._tokenizer.token_to_id(token)


def _first_known(*ids: int | None) -> int | None:
    return next((found for found in ids if found is not None), None)


def _made(text: str) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_str(text)
    except Exception as error:  # the library raises no kind of its own
        raise ModelLoadFailed(
            f"'tokenizer.json' is not a tokenizer: {error}; export it again, or install the release of the package "
            "tokenizers that wrote it"
        ) from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
