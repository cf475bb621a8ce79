"""What a report shows of a model that answers texts: how many answers are right, of which texts, and the worst ones."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from training.kind import Rows
from training.models.seq2seq import Seq2seq
from training.report import slices
from training.report.intervals import Share
from training.report.section import Section, Table, Text
from training.seq2seq.data import READ, WANTED, pairs_of
from training.seq2seq.next_tokens import written_by
from training.seq2seq.tokenizer import byte_tokenizer

_WORST = 20


def right_answers(right: np.ndarray, counts: np.ndarray) -> Section:
    """`right` says which tokens are [rows, tokens], `counts` which there are."""
    whole = (right | ~counts).all(1)
    shares = {
        "answers that are right as a whole": Share(int(whole.sum()), len(whole)),
        "tokens that are right, after right ones": Share(int(right[counts].sum()), int(counts.sum())),
    }
    rows = tuple((name, str(share), str(share.interval), f"{share.of:,}") for name, share in shares.items())
    table = Table(("", "share", "95 %", "of"), rows, "Intervals are Wilson's.")
    return Section("Right answers", (table,), in_card=True)


def wrong_answers(model: Seq2seq, rows: Rows, right: np.ndarray, likely: np.ndarray) -> Section:
    """Those first whose right answer the model thinks least likely; `likely` is the logarithm of each token's
    probability, 0 where there is none."""
    wrong = np.flatnonzero(~right)
    told = Text(f"{len(wrong):,} of {len(right):,} texts; first those whose right answer seemed least likely.")
    if not len(wrong):
        return Section("Wrong answers", (told,))
    worst = rows.at(wrong[np.argsort(likely[wrong].sum(1), kind="stable")][:_WORST])
    written = written_by(model, torch.from_numpy(worst.inputs[READ]), worst.truths[WANTED].shape[1])
    words = byte_tokenizer(folds=False)
    shown = tuple(
        tuple(str(words.decode(tokens)) for tokens in (pair.text, own, pair.answer))
        for pair, own in zip(pairs_of(worst), written, strict=True)
    )
    return Section("Wrong answers", (told, Table(("text", "answer", "right answer"), shown)))


def by_group(groups: Mapping[str, Sequence[str]], right: np.ndarray) -> Section:
    return slices.section(groups, right, np.ones_like(right), ())
