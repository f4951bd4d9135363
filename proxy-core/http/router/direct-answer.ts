import { latin1Text } from '../../base/latin1.ts';
import type { RequestHead, ResponseHead } from '../../base/stream-info.ts';
import { finalizeResponse, redirectResponse } from '../../route/response.ts';
import type { Route } from '../../route/types.ts';
import type { ActiveStream } from '../stream.ts';

/** The answer of a route that redirects or has a direct response. */
export function answerDirectly(stream: ActiveStream, route: Route, head: RequestHead): void {
  const { info, config } = stream;
  const answer = redirectResponse(route, head);
  if (answer === null) return;
  config.stats.rqDirectResponse.inc();
  const response: ResponseHead = { status: answer.status, headers: [] };
  if (answer.location !== null) response.headers.push('location', answer.location);
  finalizeResponse(route, null, response, info);
  const body = answer.status === 204 ? '' : latin1Text(answer.body, 0, answer.body.length);
  stream.sendLocalReply(answer.status, body, null, 'direct_response', response.headers);
}
