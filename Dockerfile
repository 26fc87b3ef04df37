# docker build -t bookable-sidecar:local . && docker run --rm -p 127.0.0.1:8080:8080 bookable-sidecar:local demo
# To publish, say where from: --label org.opencontainers.image.source=… --label org.opencontainers.image.revision=$(git rev-parse HEAD)

# The bundle is plain JavaScript: built once, on the builder's own platform, it serves every other.
FROM --platform=$BUILDPLATFORM node:24-trixie-slim AS build
WORKDIR /build
# Before the sources, so that this layer is made anew only when a dependency changes.
COPY package.json package-lock.json ./
# No package gets to run a script: esbuild's binary is a package of its own, and its postinstall only saves a start-up.
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY scripts scripts
COPY src src
# The same sources make the same program, whenever and wherever they are built: what changes with the clock is set to this time.
ARG SOURCE_DATE_EPOCH=0
RUN npm run build && mkdir -p /image/app /code/app && cp dist/*.cjs /image/app/ && find dist -name '*.cache' -exec cp {} /code/app/ ';' && find /image /code -exec touch -d "@$SOURCE_DATE_EPOCH" {} +

# No shell and no package manager: nothing here helps whoever breaks in.
FROM gcr.io/distroless/nodejs24-debian13:nonroot
LABEL org.opencontainers.image.title="bookable-sidecar" \
      org.opencontainers.image.description="A local authenticating reverse proxy for the Bookable restaurant-booking API" \
      org.opencontainers.image.version="1.0.0" \
      org.opencontainers.image.licenses="MIT"
# Owned by root: the process cannot change its own program.
COPY --from=build /image/ /
# What V8 made of the program, for this architecture: a start, and so a health check, takes a third less. No two builds of it are alike.
COPY --from=build /code/ /
# Inside a container, loopback is out of reach of published ports and of the kubelet. Publish on 127.0.0.1.
ENV NODE_ENV=production HOST=0.0.0.0 ADMIN_HOST=0.0.0.0
EXPOSE 8080 8081
# A number, because Kubernetes' runAsNonRoot refuses a name.
USER 65532:65532
STOPSIGNAL SIGTERM
# No --start-interval, which Docker before 25 and Debian 12's podman refuse; hence the short interval.
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 \
  CMD ["/nodejs/bin/node", "/app/bookable-sidecar.cjs", "healthcheck"]
# Node gets the signals itself. What follows the image's name replaces `serve`: demo, check, wait, --help.
ENTRYPOINT ["/nodejs/bin/node", "/app/bookable-sidecar.cjs"]
CMD ["serve"]
