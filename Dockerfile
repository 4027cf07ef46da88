# sinter in a container: built on Debian 12, run on Debian 12 without compiler or shell use, as a user without rights.
#   docker build -t sinter .
#   docker run --rm --read-only --tmpfs /tmp --cap-drop ALL -v sinter-data:/var/lib/sinter -p 127.0.0.1:8080:8080 -e SINTER_ALLOW_PUBLIC=1 sinter
# SINTER_ALLOW_PUBLIC=1 says that whoever can connect may do everything: here that is this machine alone (-p 127.0.0.1:...). Else give it
# keys: -v /etc/sinter:/etc/sinter:ro -e SINTER_KEYS=/etc/sinter/keys (docs/operating.md, keys, makes them).
FROM debian:12-slim AS build
RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
    build-essential cmake ninja-build pkg-config binutils libgccjit-12-dev libmicrohttpd-dev libcjson-dev libsqlite3-dev \
    libseccomp-dev libsodium-dev libxxhash-dev libsndfile1-dev libsoxr-dev libebur128-dev libisal-dev libkissfft-dev libspng-dev libopenexr-dev && \
    rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN cmake -S . -B /build -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr/local && \
    ninja -C /build sinter sinter-cc && DESTDIR=/image cmake --install /build --strip

FROM debian:12-slim
# libgccjit0 and binutils (for `as`) belong to sinter-cc alone: without them sinter still answers, from its interpreter.
RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
    libgccjit0 gcc-12-base binutils libmicrohttpd12 libcjson1 libsqlite3-0 libseccomp2 libsodium23 libsndfile1 libsoxr0 libebur128-1 libisal2 \
    libkissfft-float131 libspng0 libopenexr-3-1-30 && rm -rf /var/lib/apt/lists/* && \
    groupadd --system --gid 10001 sinter && \
    useradd --system --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin sinter && \
    install -d -o sinter -g sinter -m 0700 /var/lib/sinter
COPY --from=build /image/usr/local/bin/ /usr/local/bin/
USER 10001:10001
ENV SINTER_LISTEN=0.0.0.0:8080 SINTER_STORE=/var/lib/sinter
VOLUME /var/lib/sinter
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/usr/local/bin/sinter", "ping", "http://127.0.0.1:8080/readyz"]
ENTRYPOINT ["/usr/local/bin/sinter"]
CMD ["serve"]
