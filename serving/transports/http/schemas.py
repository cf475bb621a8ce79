"""Bodies as the API's documentation shows them. Rule: they describe; no request or reply is built from them."""

from typing import Any

from pydantic import BaseModel, Field


class Error(BaseModel):
    error: str = Field(examples=["Request for unknown model: 'resnet' is not found"])


class Problem(BaseModel):
    message: str = Field(examples=["'temperature' must be from 0.0 to 100.0, got -1.0"])
    type: str = Field(examples=["invalid_request_error"])
    param: str | None = Field(examples=["temperature"])
    code: str | None = Field(examples=["invalid_value"])


class OpenAIError(BaseModel):
    error: Problem


class Live(BaseModel):
    live: bool


class Ready(BaseModel):
    ready: bool


class ModelReady(BaseModel):
    name: str
    ready: bool


class ServerMetadata(BaseModel):
    name: str = Field(examples=["triton"], description="Triton's own, which its clients check for.")
    version: str
    extensions: list[str]


class TensorMetadata(BaseModel):
    name: str = Field(examples=["image"])
    datatype: str = Field(examples=["FP32"])
    shape: list[int] = Field(examples=[[-1, 1, 8, 8]], description="-1 stands for any size.")


class ModelMetadata(BaseModel):
    name: str = Field(examples=["digits-cnn"])
    versions: list[str] = Field(examples=[["1"]])
    platform: str = Field(examples=["onnxruntime_onnx"])
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class IndexRequest(BaseModel):
    ready: bool = Field(False, description="List only versions that are ready.")


class VersionStatus(BaseModel):
    name: str
    version: str | None = None
    state: str = Field(examples=["READY"])
    reason: str | None = None


class LoadRequest(BaseModel):
    parameters: dict[str, str] | None = Field(
        None,
        description="`config`: a ModelConfig in JSON, in place of config.pbtxt; `file:1/model.onnx`: a file in base64.",
    )


class UnloadRequest(BaseModel):
    parameters: dict[str, bool] | None = Field(None, description="`unload_dependents`.")


class StatisticDuration(BaseModel):
    count: int
    ns: int


class InferenceStatistics(BaseModel):
    success: StatisticDuration
    fail: StatisticDuration
    queue: StatisticDuration
    compute_input: StatisticDuration
    compute_infer: StatisticDuration
    compute_output: StatisticDuration
    cache_hit: StatisticDuration
    cache_miss: StatisticDuration


class BatchStatistics(BaseModel):
    batch_size: int
    compute_input: StatisticDuration
    compute_infer: StatisticDuration
    compute_output: StatisticDuration


class ModelStatistics(BaseModel):
    name: str
    version: str
    last_inference: int = Field(description="Milliseconds since 1970.")
    inference_count: int = Field(description="Rows that were answered.")
    execution_count: int = Field(description="Batches that ran.")
    inference_stats: InferenceStatistics
    response_stats: dict[str, Any] = Field(description="Of decoupled models, by the response's number.")
    batch_stats: list[BatchStatistics]
    memory_usage: list[Any]


class Statistics(BaseModel):
    model_stats: list[ModelStatistics]


class InferInput(BaseModel):
    name: str
    shape: list[int]
    datatype: str
    data: list[Any] | None = Field(None, description="Flat or nested; absent when the tensor follows as binary data.")
    parameters: dict[str, Any] | None = Field(
        None,
        description="`binary_data_size`: bytes of this tensor; or `shared_memory_region`, `shared_memory_byte_size`.",
    )


class InferOutput(BaseModel):
    name: str
    parameters: dict[str, Any] | None = Field(
        None, description="`binary_data`, `classification`: how many classes; `shared_memory_region`."
    )


class InferRequest(BaseModel):
    id: str = ""
    inputs: list[InferInput]
    outputs: list[InferOutput] | None = None
    parameters: dict[str, Any] | None = Field(
        None, description="`timeout` in microseconds, `priority`, `sequence_id`, `binary_data_output`."
    )


class InferTensor(BaseModel):
    name: str
    datatype: str
    shape: list[int]
    data: list[Any] | None = None
    parameters: dict[str, Any] | None = None


class InferResponse(BaseModel):
    id: str | None = None
    model_name: str
    model_version: str
    outputs: list[InferTensor]


class Score(BaseModel):
    label: str = Field(examples=["7"])
    score: float = Field(examples=[0.9981])


class ClassifyParameters(BaseModel):
    top_k: int = Field(5, ge=1, description="How many labels to answer, best first.")
    truncate_prompt_tokens: int | None = Field(
        None, ge=-1, description="How many tokens of a text are read, -1 for as many as the model can."
    )


class ClassifyRequest(BaseModel):
    inputs: Any = Field(
        description="A base64 image or a list of them; a text or a list of texts, for a model with a tokenizer; the "
        "numbers of one example or of several, nested or flat; or, for a model whose columns have names, a row such as "
        '{"age": 3, "colour": "red"} or a list of them.'
    )
    parameters: ClassifyParameters | None = None


class Recommendation(BaseModel):
    item: str = Field(examples=["camping 04"])
    score: float = Field(examples=[0.21])


class RecommendParameters(BaseModel):
    top_k: int = Field(5, ge=1, description="How many items to answer, best first; the model's own number at most.")


class RecommendRequest(BaseModel):
    inputs: list[Any] = Field(description="The names of a user's items, oldest first, or a list of such lists.")
    parameters: RecommendParameters | None = None


class Box(BaseModel):
    xmin: float = Field(examples=[12.5])
    ymin: float = Field(examples=[8.0])
    xmax: float = Field(examples=[24.0])
    ymax: float = Field(examples=[27.5])


class Detection(BaseModel):
    label: str = Field(examples=["7"])
    score: float = Field(examples=[0.94])
    box: Box = Field(description="In pixels of the picture that was sent, turned upright.")


class DetectParameters(BaseModel):
    threshold: float = Field(0.5, ge=0, le=1, description="The least score of what is answered.")
    top_k: int | None = Field(None, ge=1, description="How many are answered at most, best first.")


class DetectRequest(BaseModel):
    inputs: str | list[str] = Field(description="A base64 image or a list of them.")
    parameters: DetectParameters | None = None


class Text(BaseModel):
    text: str = Field(examples=["three seven one"])


class TranscribeRequest(BaseModel):
    inputs: str | list[str] = Field(description="A base64 recording or a list of them.")


class ModelVersion(BaseModel):
    version: str
    state: str
    reason: str
    traffic_percent: float
    report: str = Field(examples=["/v1/models/digits-cnn/versions/3/report"], description='A page; "" for none.')


class RolloutRequests(BaseModel):
    count: int
    failed: int
    error_ratio: float
    typical_seconds: float


class RolloutProgress(BaseModel):
    current: str
    candidate: str
    policy: dict[str, Any]
    current_requests: RolloutRequests
    candidate_requests: RolloutRequests
    latency_ratio: float
    compared: int
    disagreement: float
    requests_needed: int
    seconds: float


class SettledRollout(BaseModel):
    promoted: bool
    reason: str
    progress: RolloutProgress


class ModelVersions(BaseModel):
    model_name: str
    current: str
    reason: str
    versions: list[ModelVersion]
    rollout: RolloutProgress | None
    last_rollout: SettledRollout | None


class ServingVersion(BaseModel):
    model_name: str
    version: str
