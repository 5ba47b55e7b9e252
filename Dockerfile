# The gateway in a container: pinned packages, no compiler, no pip, no root.
#
#   docker build -t slipstream .
#   docker run --read-only --cap-drop ALL -p 8080:8080 -e SLIPSTREAM_UPSTREAM=http://app:8000 slipstream
#
# docker/config.yaml is the configuration it starts with: it listens on 0.0.0.0:8080, because a container's loopback
# cannot be reached from outside, and takes SLIPSTREAM_LISTEN, SLIPSTREAM_ADMIN, SLIPSTREAM_WORKERS and
# SLIPSTREAM_UPSTREAM. Mount a file of your own over /etc/slipstream/config.yaml for everything else; mount its
# directory rather than the file if changes are to be noticed. With another admin address set SLIPSTREAM_ADMIN as
# well: the health check asks there.

ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# Packages first: this layer lasts until a lock file changes.
COPY requirements/runtime.txt requirements/build.txt requirements/
RUN python -m venv --without-pip /opt/slipstream \
    && python -m pip --python /opt/slipstream/bin/python install --no-compile --require-hashes -r requirements/runtime.txt \
    && python -m pip install --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md ./
COPY gateway gateway
COPY plugins plugins
# Bytecode is made here once and trusted afterwards, so that a read-only root file system costs nothing at start.
RUN python -m pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /wheels . \
    && python -m pip --python /opt/slipstream/bin/python install --no-compile --no-index --no-deps /wheels/*.whl \
    && /opt/slipstream/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/slipstream/lib

FROM ${PYTHON_IMAGE}
ENV PATH=/opt/slipstream/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    SLIPSTREAM_ADMIN=127.0.0.1:9900
COPY --from=build /opt/slipstream /opt/slipstream
COPY docker/config.yaml /etc/slipstream/config.yaml
# A number, so that an orchestrator can see that it is not root.
USER 10001:10001
WORKDIR /tmp
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["/opt/slipstream/bin/python", "-I", "-c", "import http.client, os; c = http.client.HTTPConnection(os.environ.get('SLIPSTREAM_ADMIN', '127.0.0.1:9900'), timeout=2); c.request('GET', '/live'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["slipstream"]
CMD ["run", "-c", "/etc/slipstream/config.yaml"]
