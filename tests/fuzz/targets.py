"""Every reader of bytes from outside, by its corpus' name. Rule: a target raises only where something is wrong."""

from collections.abc import Callable

from tests.fuzz import file_targets, tensor_targets, text_targets, wire_targets

Target = Callable[[bytes], None]

TARGETS: dict[str, Target] = {
    target.__name__: target
    for target in (
        tensor_targets.v2_json_body,
        tensor_targets.v2_binary_tensor,
        tensor_targets.v2_proto_message,
        tensor_targets.v2_raw_body,
        tensor_targets.generate_body,
        text_targets.openai_completion,
        text_targets.openai_chat,
        text_targets.openai_others,
        text_targets.people,
        text_targets.grammar,
        text_targets.headers,
        text_targets.events,
        file_targets.config_pbtxt,
        file_targets.config_json,
        file_targets.picture,
        file_targets.recording,
        file_targets.packed,
        file_targets.beside_models,
        wire_targets.http2_connection,
        wire_targets.grpc_messages,
    )
}
