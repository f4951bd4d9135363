import type { RequestHead, ResponseHead, StreamInfo } from '../base/stream-info.ts';
import { type ClusterChoice, finalizeRequest, finalizeResponse, type Route } from '../route/index.ts';
import { Narration, plural, step } from './narration.ts';
import type { Telling } from './telling.ts';

/** Runs on a copy what the route does to a request before it goes upstream, and tells it; gives that copy. */
export function tellRewrite(
  telling: Telling,
  route: Route,
  choice: ClusterChoice,
  received: RequestHead,
  info: StreamInfo,
): RequestHead {
  const head: RequestHead = { ...received, headers: [...received.headers] };
  const told = new Narration();
  finalizeRequest(route, choice, head, info, told);
  const rewriting = new Narration();
  if (head.path !== received.path) {
    rewriting.note('neutral', `path \`${received.path}\` becomes \`${head.path}\``, route.source);
  }
  if (head.authority !== received.authority) {
    rewriting.note('neutral', `host \`${received.authority}\` becomes \`${head.authority}\``, route.source);
  }
  if (rewriting.notes.length > 0) {
    telling.steps.push(
      step(
        { kind: 'rewrite', subject: 'rewritten', text: 'before it goes upstream', source: route.source },
        rewriting,
      ),
    );
  }
  // What changes path and host is told above, without a place of its own.
  const changes = new Narration();
  changes.notes.push(...told.notes.filter((note) => note.source !== null));
  pushHeaders(telling, changes, 'of the request', route);
  return head;
}

/** What the route does to the headers of any response; values that the response would give are empty. */
export function tellResponseHeaders(
  telling: Telling,
  route: Route,
  choice: ClusterChoice | null,
  info: StreamInfo,
): void {
  const narration = new Narration();
  const draft: ResponseHead = { status: 200, headers: [] };
  finalizeResponse(route, choice, draft, info, narration);
  pushHeaders(telling, narration, 'of the response', route);
}

function pushHeaders(telling: Telling, narration: Narration, text: string, route: Route): void {
  const { length } = narration.notes;
  if (length === 0) return;
  telling.steps.push(
    step({ kind: 'headers', subject: plural(length, 'header rule'), text, source: route.source }, narration),
  );
}
