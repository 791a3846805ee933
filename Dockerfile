# For machines without the jail's Linux layers (macOS, Windows): docker build -t rewardsmith . &&
# docker run --rm -it -v "$PWD/runs:/runs" rewardsmith run "run forward" --env HalfCheetah-v5 -o /runs
# Landlock and seccomp work in an unprivileged container with Docker's default profile, if the
# kernel of the virtual machine has them; `docker run --rm rewardsmith doctor` tells.
FROM python:3.11-slim-bookworm
WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --no-deps --index-url https://download.pytorch.org/whl/cpu torch==2.13.0 \
 && pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY rewardsmith rewardsmith
COPY prompts prompts
COPY envs envs
RUN pip install --no-cache-dir --no-deps --no-build-isolation . && useradd --create-home smith
USER smith
WORKDIR /home/smith
ENTRYPOINT ["rewardsmith"]
CMD ["--help"]
