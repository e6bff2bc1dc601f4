# VoiceForge on a CPU, for any host and for a Docker Space. No torch.
#   docker build -t voiceforge .
#   docker run -p 7860:7860 -v voiceforge-data:/home/user/data -e VOICEFORGE_ADMIN_KEY=<20 or more characters> voiceforge
# Pages and conversations run in processes of their own behind nginx (docs/deploying.md); with `python app.py` at the end
# of the second line everything runs in one.
FROM python:3.11-slim

COPY packages.txt /tmp/packages.txt
RUN apt-get update \
    && xargs -a /tmp/packages.txt apt-get install -y --no-install-recommends nginx-light \
    && rm -rf /var/lib/apt/lists/* /tmp/packages.txt

# A Space runs containers as user 1000.
RUN useradd --create-home --uid 1000 user
USER user
WORKDIR /home/user/app
ENV PATH=/home/user/.local/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=7860 \
    VOICEFORGE_DATA_DIR=/home/user/data

# The dependencies change less often than the code and keep their layer.
COPY --chown=user requirements.txt .
RUN pip install --no-cache-dir --user -r requirements.txt
COPY --chown=user . .
# Made here so that a volume mounted on it belongs to the user.
RUN mkdir -p /home/user/data && python -m compileall -q .

VOLUME /home/user/data
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/health\", timeout=4)"]
CMD ["python", "-m", "deploy.start"]
