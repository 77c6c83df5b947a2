# The emulator of both services: docker build -t cronapi-emulator .
FROM python:3.13-slim

RUN useradd --no-create-home --uid 10001 emulator && install -d -o emulator -g emulator /data
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY cronapi ./cronapi
RUN pip install --no-cache-dir ".[cli,emulator]" && rm -rf /src/*

# A number, so that Kubernetes can see that it is not root.
USER 10001
WORKDIR /data
ENV PYTHONUNBUFFERED=1 CRONAPI_EMULATOR_HOST=0.0.0.0 CRONAPI_EMULATOR_PORT=8765
EXPOSE 8765
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD ["cronapi", "emulator", "ready"]
ENTRYPOINT ["cronapi", "emulator"]
