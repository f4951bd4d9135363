import { connect } from 'node:http2';
import { headerLines, type SendStep } from './case.ts';
import type { Response } from './client.ts';

/** One request on a fresh HTTP/2 connection (prior knowledge, clear text). */
export async function sendHttp2(port: number, step: SendStep, deadline: number): Promise<Response> {
  const response: Response = {
    statusLine: '',
    lines: [],
    body: { bytes: Buffer.alloc(0), trailers: [], complete: false },
    interim: [],
    end: '',
  };
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  const fields: Record<string, string | string[]> = {};
  for (const line of headerLines(step.headers)) {
    const at = line.indexOf(':', 1);
    const name = line.slice(0, at);
    const value = line.slice(at + 1).trim();
    const before = fields[name];
    fields[name] = before === undefined ? value : [before, value].flat();
  }
  const [method = 'GET', path = '/'] = step.send.split(' ');
  let body = step.body ?? '';
  if (step.size !== undefined) body = (body || 'x').repeat(step.size).slice(0, step.size);
  // Plain CONNECT has neither path nor scheme (RFC 9113, section 8.5).
  const target =
    method === 'CONNECT' && fields[':protocol'] === undefined ? {} : { ':path': path, ':scheme': 'http' };
  const stream = session.request(
    { ':method': method, ...target, ':authority': step.host ?? 'example.test', ...fields },
    { endStream: body === '' },
  );
  if (body !== '') stream.end(body);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      response.end = 'silence';
      resolve();
    }, deadline - Date.now());
    const done = (how: Response['end']) => {
      clearTimeout(timer);
      response.end ||= how;
      resolve();
    };
    stream.on('response', (_headers: unknown, _flags: number, raw: unknown) => {
      const flat = raw as string[];
      for (let i = 0; i + 1 < flat.length; i += 2) {
        if (flat[i] === ':status') response.statusLine = `HTTP/2 ${flat[i + 1]}`;
        else response.lines.push(`${flat[i]}: ${flat[i + 1]}`);
      }
    });
    stream.on('trailers', (_headers: unknown, _flags: number, raw: unknown) => {
      const flat = raw as string[];
      for (let i = 0; i + 1 < flat.length; i += 2) response.body.trailers.push(`${flat[i]}: ${flat[i + 1]}`);
    });
    stream.on('data', (bytes: Buffer) => {
      response.body.bytes = Buffer.concat([response.body.bytes, bytes]);
    });
    stream.on('error', () => {});
    stream.on('end', () => {
      response.body.complete = stream.rstCode === 0;
    });
    stream.on('close', () => done(stream.rstCode === 0 ? '' : 'reset'));
    session.on('close', () => done('closed'));
  });
  session.destroy();
  return response;
}
