# Carnet with the embedded profile: Airflow (LocalExecutor), the command line, SQLite and local packs. Non-root.
FROM python:3.11-slim-bookworm AS build
WORKDIR /app
COPY requirements.lock pyproject.toml README.md ./
RUN python -m venv /opt/carnet \
    && /opt/carnet/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY carnet carnet
COPY connectors connectors
COPY transforms transforms
COPY quality quality
COPY warehouse warehouse
COPY dags dags
RUN /opt/carnet/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin carnet \
    && install -d -o carnet -g carnet /data/home /data/keys /data/landing /data/airflow
COPY --from=build /opt/carnet /opt/carnet
COPY --chown=carnet:carnet dags /app/dags
ENV PATH=/opt/carnet/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CARNET_HOME=/data/home \
    CARNET_KEYS=/data/keys \
    CARNET_LANDING=/data/landing \
    AIRFLOW_HOME=/data/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/app/dags \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    GX_ANALYTICS_ENABLED=false \
    DO_NOT_TRACK=1
USER carnet
WORKDIR /app
VOLUME ["/data/home", "/data/keys", "/data/landing"]
CMD ["carnet", "--help"]
