# docker build -t onemap .
# docker run --rm -v onemap-data:/srv/onemap/data onemap demo init data/demo
# docker run --read-only -v onemap-data:/srv/onemap/data -p 8000:8000 onemap
# A network with its own image registry names the base images: --build-arg PYTHON_IMAGE=... --build-arg NODE_IMAGE=...
ARG NODE_IMAGE=node:24-slim
ARG PYTHON_IMAGE=python:3.12-slim

FROM ${NODE_IMAGE} AS assets
WORKDIR /src
COPY scripts/assets.sh scripts/fonts.sh scripts/glyphs.mjs scripts/
COPY server/onemap/web/assets server/onemap/web/assets
RUN scripts/assets.sh && scripts/fonts.sh

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
COPY requirements requirements
RUN pip install --quiet --no-cache-dir --require-hashes -r requirements/build.lock \
    && python -m venv --without-pip /opt/onemap \
    && uv pip install --no-cache --compile-bytecode --python /opt/onemap/bin/python \
        --require-hashes -r requirements/runtime.lock
COPY . .
COPY --from=assets /src/server/onemap/web/static/vendor server/onemap/web/static/vendor
RUN python -m hatchling build -t wheel -d /tmp/dist \
    && uv pip install --no-cache --compile-bytecode --python /opt/onemap/bin/python --no-deps /tmp/dist/*.whl

FROM ${PYTHON_IMAGE}
RUN useradd --system --no-create-home --uid 10001 onemap \
    && install -d -o onemap /srv/onemap /srv/onemap/data
COPY --from=build /opt/onemap /opt/onemap
COPY config /srv/onemap/config
COPY collections /srv/onemap/collections
COPY styles /srv/onemap/styles
ENV PATH=/opt/onemap/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /srv/onemap
VOLUME /srv/onemap/data
USER onemap
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD \
    ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["onemap"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
