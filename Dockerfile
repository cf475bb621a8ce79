# A server for ONNX models on the CPU, also those that write, without PyTorch:
#
#   docker build -t slipway .
#   docker run -p 8000:8000 -p 8001:8001 -p 8002:8002 -v "$PWD/model_repository:/models:ro" slipway
#
# --build-arg EXTRAS=cpu,generation,torch serves TorchScript too, EXTRAS=cpu,generation,s3 models from S3 (also gcs, azure,
# http); with gpu instead of cpu it takes ONNX Runtime's CUDA build.
ARG PYTHON_VERSION=3.12

FROM python:${PYTHON_VERSION}-slim AS build
ARG EXTRAS=cpu,generation
WORKDIR /build
RUN python -m venv /opt/slipway
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY serving serving
COPY training training
RUN /opt/slipway/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt ".[${EXTRAS}]"

FROM python:${PYTHON_VERSION}-slim
LABEL org.opencontainers.image.title="Slipway" \
      org.opencontainers.image.description="A model server that speaks Triton's protocol" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/slipway /opt/slipway
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin slipway && mkdir /models \
    && install -d -o 10001 -g 10001 /var/cache/slipway
ENV PATH=/opt/slipway/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SLIPWAY_HOST=0.0.0.0 \
    SLIPWAY_MODEL_REPOSITORY=/models \
    SLIPWAY_MODEL_CACHE=/var/cache/slipway
USER 10001:10001
EXPOSE 8000 8001 8002
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/v2/health/ready', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["slipway"]
CMD ["serve"]
