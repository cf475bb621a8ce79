# Slipway's images; docs/containers.md has all of it.
#
#   docker build -t slipway .                        models in ONNX on the CPU, also those that write
#   docker build -t slipway:gpu --target gpu .       the same on NVIDIA GPUs
#   docker build -t slipway:training --target training .
#   docker run --read-only --tmpfs /tmp -p 8000:8000 -p 8001:8001 -p 8002:8002 -v "$PWD/model_repository:/models:ro" slipway
#
# --build-arg EXTRAS=cpu,generation,torch serves TorchScript too, EXTRAS=cpu,generation,s3 models from S3 (also gcs, azure,
# http). BASE can be pinned by its digest.
ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS tools
ENV PATH=/tools/bin:$PATH UV_SYSTEM_CERTS=1
WORKDIR /build
COPY deploy/image/tools.txt deploy/image/
RUN python -m venv /tools \
    && pip install --no-cache-dir --disable-pip-version-check --only-binary :all: --require-hashes -r deploy/image/tools.txt \
    && python -m venv --without-pip /opt/slipway
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY deploy/image deploy/image

FROM tools AS serving-code
COPY serving serving
RUN deploy/image/install-code

FROM tools AS training-code
COPY serving serving
COPY training training
COPY loadtests loadtests
RUN deploy/image/install-code

FROM ${BASE} AS runtime
# No pip; a compiled standard library, which a read-only root can't keep; a cache for 10001, or for whom a cluster chooses.
RUN find /usr \( -name pip -o -name 'pip-*' -o -name 'pip3*' -o -name ensurepip \) -prune -exec rm -rf {} + \
    && python -m compileall -q --invalidation-mode unchecked-hash -x '/(idlelib|lib2to3|site-packages|test|tkinter|turtledemo)/' \
        "$(python -c 'import os; print(os.path.dirname(os.__file__))')" \
    && echo 'slipway:x:10001:10001::/tmp:/usr/sbin/nologin' >> /etc/passwd \
    && echo 'slipway:x:10001:' >> /etc/group \
    && mkdir /models \
    && install -d -o 10001 -g 0 -m 0775 /var/cache/slipway
ENV PATH=/opt/slipway/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
ARG VERSION=unknown
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="Slipway" \
      org.opencontainers.image.description="A model server that speaks Triton's protocol" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
USER 10001:10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["slipway"]

FROM runtime AS server
ENV SLIPWAY_HOST=0.0.0.0 \
    SLIPWAY_MODEL_REPOSITORY=/models \
    SLIPWAY_MODEL_CACHE=/var/cache/slipway
EXPOSE 8000 8001 8002
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('SLIPWAY_HTTP_PORT', '8000') + '/v2/health/ready', timeout=2)"]
CMD ["serve"]

FROM tools AS cpu-dependencies
ARG EXTRAS=cpu,generation
ARG TORCH_BACKEND=cpu
RUN deploy/image/install-dependencies

FROM cpu-dependencies AS cpu-parts
COPY --from=serving-code /code /opt/slipway
RUN deploy/image/list-parts

FROM server AS cpu
COPY --from=cpu-dependencies /opt/slipway /opt/slipway
COPY --from=serving-code /code /opt/slipway
COPY --from=cpu-parts /parts /opt/slipway

FROM tools AS gpu-dependencies
ARG EXTRAS=gpu,generation
ARG TORCH_BACKEND=
RUN deploy/image/install-dependencies

FROM gpu-dependencies AS gpu-parts
COPY --from=serving-code /code /opt/slipway
RUN deploy/image/list-parts

FROM server AS gpu
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=gpu-dependencies /opt/slipway /opt/slipway
COPY --from=serving-code /code /opt/slipway
COPY --from=gpu-parts /parts /opt/slipway

FROM tools AS training-dependencies
ARG EXTRAS=cpu,train,report,search,tensorboard,loadtest
ARG TORCH_BACKEND=
RUN deploy/image/install-dependencies

FROM training-dependencies AS training-parts
COPY --from=training-code /code /opt/slipway
RUN deploy/image/list-parts

FROM runtime AS training
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /work
COPY --from=training-dependencies /opt/slipway /opt/slipway
COPY --from=training-code /code /opt/slipway
COPY --from=training-parts /parts /opt/slipway
CMD ["train", "--help"]

FROM cpu
