# fmg-rt serve in a slim image: an ordinary user, kernels compiled at build.
FROM python:3.12-slim AS build
WORKDIR /source
COPY setup.cfg pyproject.toml README.md LICENSE ./
COPY runtime runtime
COPY trainer trainer
COPY weights weights
RUN python -m venv /opt/fmg && /opt/fmg/bin/pip install --no-cache-dir '.[serve]'

FROM python:3.12-slim
# libsndfile comes with soundfile; PortAudio is not needed by a server.
RUN useradd --system --uid 999 --create-home --home-dir /home/fmg fmg
COPY --from=build /opt/fmg /opt/fmg
ENV PATH=/opt/fmg/bin:$PATH NUMBA_CACHE_DIR=/home/fmg/kernels PYTHONUNBUFFERED=1
USER fmg
# One session hears and shows a second of sound: whatever it needs is compiled now and kept.
RUN python -c "from fmg_rt import Session; s = Session(sample_rate=48000); s.push(bytes(96000)); s.finish()" \
 && test -n "$(find /home/fmg/kernels -name '*.kernel')"
EXPOSE 52000 8080
HEALTHCHECK --interval=10s --start-period=5s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/v1/health/ready')"]
# Other machines come in: FMG_TOKEN is wanted, or --no-token as an argument.
ENTRYPOINT ["fmg-rt", "serve", "--grpc", "0.0.0.0:52000", "--http", "0.0.0.0:8080"]
