import { asyncClient } from './async-client/client.ts';
import type { FilterChainOwner } from './filter-chain.ts';
import { FilterChain } from './filter-chain.ts';
import { routeLevels } from './filters/per-route.ts';
import { routedCluster } from './router/host-choice.ts';
import type { RouterStream } from './router/router.ts';
import type { ActiveStream } from './stream.ts';

/** The filters of one stream, between the codec and the router. */
export function createFilterChain(stream: ActiveStream, router: RouterStream): FilterChain {
  const { path, config } = stream;
  let levels = routeLevels(config.routes, stream.route, stream.routeInput);
  const owner: FilterChainOwner = {
    info: stream.info,
    client: asyncClient(path, stream.snapshot),
    get route() {
      return stream.route;
    },
    clock: path.services.clock,
    get cluster() {
      return routedCluster(stream.route, stream.routeInput, stream.snapshot.clusters);
    },
    runtime: stream.snapshot.runtime,
    healthCheckFailed: path.draining,
    get levels() {
      return levels;
    },
    bufferLimit: stream.owner.bufferLimit,
    get responseStarted() {
      return stream.responseStarted;
    },
    random: () => path.services.random.next(),
    clearRouteCache: () => {
      stream.refreshRoute();
      levels = routeLevels(config.routes, stream.route, stream.routeInput);
    },
    giveUpRequest: () => {
      if (stream.info.downstreamProtocol !== 'HTTP/2') stream.owner.closeAfterResponse();
    },
    answerLocally: (...reply) => {
      if (stream.responseStarted) stream.answerInstead(...reply);
      else stream.failRequest(...reply);
    },
    pauseRequest: (on) => (on ? stream.stream.pauseRequest() : stream.stream.resumeRequest()),
    pauseResponse: (on) => {
      if (stream.ended) return;
      stream.filtersCongested = on;
      if (!on && !stream.stream.congested) stream.onResponseDrained();
    },
    inEvent: (work) => {
      path.queue.enter();
      try {
        if (!stream.ended) work();
      } finally {
        path.queue.leave();
      }
    },
  };
  return new FilterChain(
    config.filters,
    owner,
    {
      head: (head, endStream) => router.onRequestHead(head, endStream),
      body: (bytes, start, end, endStream) => router.onRequestBody(bytes, start, end, endStream),
      trailers: (trailers) => router.onRequestTrailers(trailers),
    },
    {
      head: (head, endStream) => stream.writeHead(head, endStream),
      body: (bytes, start, end, endStream) => stream.writeBody(bytes, start, end, endStream),
      trailers: (trailers) => stream.writeTrailers(trailers),
    },
  );
}
