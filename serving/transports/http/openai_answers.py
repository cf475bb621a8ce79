"""What a model writes for one OpenAI request: n answers to each of its prompts.

Rule: all of them are accepted or none; whoever stops reading frees them all.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from serving.core.generation import GenerateRequest, SamplingParams, Token
from serving.core.text_output import CompletionOutput, TokenLogprob, TopLogprob, Usage
from serving.core.timeline import Timeline
from serving.engine.generating_model import Answer, GeneratingModel
from serving.engine.text_stream import Delta
from serving.protocols.openai_requests import TextRequest
from serving.transports.http.off_loop import off_loop_if_large
from serving.transports.http.prompt_tokens import check

Tokens = tuple[int, ...]

_WORK = 16
"""Bytes that are looked at one by one in the time that one character is made a part of a token."""


class Answers:
    def __init__(self, asked: TextRequest, model: GeneratingModel, prompts: Sequence[Tokens]) -> None:
        self._asked = asked
        self._tokenizer = model.tokenizer
        self._prompts = prompts
        self._answers: list[Answer] = []

    @classmethod
    async def begin(
        cls, model: GeneratingModel, asked: TextRequest, now: datetime, timeout: float, timeline: Timeline | None = None
    ) -> "Answers":
        """`timeout` in seconds, 0 for none; a `timeline` is told of the answers. Raises what `GeneratingModel.generate`
        does."""
        answers = cls(asked, model, await _prompts(model, asked, now))
        try:
            for prompt in answers._prompts:
                for sampling in _each(asked):
                    await asyncio.sleep(0)  # there may be thousands, and others come meanwhile
                    request = GenerateRequest(model.name, prompt, sampling, timeout=timeout, priority=asked.priority)
                    answers._answers.append(await model.generate(request, timeline))
        except BaseException:
            await answers.aclose()
            raise
        return answers

    @property
    def usage(self) -> Usage:
        """So far. A prompt that is answered several times was sent once."""
        written = sum(answer.completion_tokens for answer in self._answers)
        cached = sum(answer.cached_tokens for answer in self._answers[:: self._asked.n])
        return Usage(sum(map(len, self._prompts)), written, cached)

    @property
    def indices(self) -> range:
        return range(len(self._answers))

    async def whole(self) -> list[CompletionOutput]:
        """Raises what one of them failed with."""
        tasks = [asyncio.create_task(self._one(index)) for index in self.indices]
        try:
            return await asyncio.gather(*tasks)
        finally:  # where one failed, nobody tells the others anything any more
            for task in tasks:
                task.cancel()

    async def parts(self) -> AsyncGenerator[CompletionOutput, None]:
        """Whatever is new of any of them."""
        if len(self._answers) == 1:
            async for delta in self._answers[0]:
                yield self._output(0, delta)
            return
        parts: asyncio.Queue[CompletionOutput | Exception] = asyncio.Queue()
        tasks = [asyncio.create_task(self._pass_on(index, parts)) for index in self.indices]
        try:
            left = len(tasks)
            while left:
                part = await parts.get()
                if isinstance(part, Exception):
                    raise part
                left -= part.finish_reason is not None
                yield part
        finally:
            for task in tasks:
                task.cancel()

    async def aclose(self) -> None:
        for answer in self._answers:
            await answer.aclose()

    async def _one(self, index: int) -> CompletionOutput:
        outputs = [self._output(index, delta) async for delta in self._answers[index]]
        last = outputs[-1]
        logprobs = None if last.logprobs is None else tuple(it for output in outputs for it in output.logprobs or ())
        return replace(
            last,
            text=self._echo(index) + "".join(output.text for output in outputs),
            token_ids=tuple(id_ for output in outputs for id_ in output.token_ids),
            logprobs=logprobs,
            prompt_token_ids=outputs[0].prompt_token_ids,
        )

    async def _pass_on(self, index: int, parts: "asyncio.Queue[CompletionOutput | Exception]") -> None:
        try:
            async for delta in self._answers[index]:
                parts.put_nowait(self._output(index, delta))
        except Exception as error:
            parts.put_nowait(error)

    def _output(self, index: int, delta: Delta) -> CompletionOutput:
        answer = self._answers[index]
        is_first = answer.completion_tokens == len(delta.tokens)
        prompt = self._prompts[index // self._asked.n] if is_first and self._asked.return_token_ids else None
        return CompletionOutput(
            index,
            delta.text,
            tuple(token.id for token in delta.tokens),
            None if self._asked.sampling.logprobs is None else tuple(map(self._logprob, delta.tokens)),
            delta.finish_reason,
            delta.stop_reason,
            prompt,
        )

    def _echo(self, index: int) -> str:
        return self.echo(index) if self._asked.echo else ""

    def echo(self, index: int) -> str:
        """The text of the prompt that is answered there."""
        number = index // self._asked.n
        given = self._asked.prompts[number] if self._asked.prompts else ()
        return given if isinstance(given, str) else self._tokenizer.decode(self._prompts[number])

    def _logprob(self, token: Token) -> TokenLogprob:
        top = tuple(TopLogprob(self._text(id_), logprob, self._raw(id_)) for id_, logprob in token.top)
        return TokenLogprob(self._text(token.id), token.logprob, self._raw(token.id), top)

    def _text(self, token_id: int) -> str:
        return self._tokenizer.token_text(token_id)

    def _raw(self, token_id: int) -> bytes:
        return self._tokenizer.token_bytes(token_id)


def _each(asked: TextRequest) -> list[SamplingParams]:
    """Of the n answers to a prompt, which with a seed are n different ones too, and the same n each time."""
    sampling = replace(asked.sampling, skip_special_tokens=asked.skip_special_tokens)
    if sampling.seed is None:
        return [sampling] * asked.n
    return [replace(sampling, seed=sampling.seed + number) for number in range(asked.n)]


async def _prompts(model: GeneratingModel, asked: TextRequest, now: datetime) -> list[Tokens]:
    size = sum(len(prompt) for prompt in asked.prompts) + sum(len(str(message)) for message in asked.messages)
    return await off_loop_if_large(size * _WORK, partial(_encode, model, asked, now))


def _encode(model: GeneratingModel, asked: TextRequest, now: datetime) -> list[Tokens]:
    tokenizer, most = model.tokenizer, _most(asked, model.max_length)
    given = asked.prompts
    if asked.messages:
        template, arguments = tokenizer.chat_template, asked.chat_template_kwargs
        given = (template.render(asked.messages, now, asked.add_generation_prompt, arguments),)

    def tokens(prompt: str | Tokens) -> Tokens:
        if most is None and isinstance(prompt, str):
            model.check_length(prompt, "messages" if asked.messages else "prompt")
        found = tokenizer.encode(prompt, asked.add_special_tokens) if isinstance(prompt, str) else prompt
        return _cut(found, most)

    found = [tokens(prompt) for prompt in given]
    for prompt in found:
        check(prompt, model.vocab_size, "messages" if asked.messages else "prompt")
    return found


def _most(asked: TextRequest, max_length: int) -> int | None:
    """Of a prompt's tokens; -1 leaves room for the answer that was asked for. Where that is all, it is the answer that
    is too long, and not the prompt."""
    wanted = asked.sampling.max_tokens or asked.sampling.min_tokens or 1
    return max(max_length - wanted, 1) if asked.truncate_prompt_tokens == -1 else asked.truncate_prompt_tokens


def _cut(tokens: Tokens, most: int | None) -> Tokens:
    """Its last ones."""
    return tokens if most is None else tokens[len(tokens) - min(most, len(tokens)) :]
