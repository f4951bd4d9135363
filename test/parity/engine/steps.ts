import { request } from 'node:http';
import type {
  AdminStep,
  Exchange,
  ParityCase,
  RawStep,
  SendStep,
  Show,
  StatsStep,
  Step,
  Tree,
  TreeMap,
} from './case.ts';
import { headerLines } from './case.ts';
import { Connection, type Response } from './client.ts';
import { chunk, headerValue, lastChunk } from './http1-message.ts';
import { sendHttp2 } from './http2-client.ts';
import { type Arrival, sleep, type UpstreamServer } from './upstream-server.ts';

export interface CaseWorld {
  readonly spec: ParityCase;
  readonly certificates: string;
  readonly portOf: (name: string) => number;
  readonly arrivals: Arrival[];
  readonly upstreams: ReadonlyMap<string, UpstreamServer>;
  readonly readLog: () => string[];
  readonly write: (name: string, text: string) => void;
}

const DEFAULT_SHOW: readonly Show[] = ['status', 'headers', 'body', 'to'];
const BODY_LIMIT = 1500;

/** The client side of one case: runs steps, keeps named connections between them. */
export class CaseClient {
  private readonly connections = new Map<string, Connection>();

  constructor(private readonly world: CaseWorld) {}

  closeAll(): void {
    for (const connection of this.connections.values()) connection.destroy();
    this.connections.clear();
  }

  /** What the step showed, or null for a step that shows nothing. */
  async run(step: Step): Promise<Tree> {
    if (typeof step === 'string') return this.exchange({ send: step });
    if ('send' in step || 'raw' in step) return this.exchange(step);
    if ('admin' in step) return this.admin(step);
    if ('stats' in step) return this.stats(step);
    if ('parallel' in step) return { parallel: await Promise.all(step.parallel.map((one) => this.run(one))) };
    if ('wait' in step) {
      await sleep(step.wait);
      return null;
    }
    if ('script' in step) {
      for (const [name, answers] of Object.entries(step.script))
        this.world.upstreams.get(name)?.change(answers);
      return null;
    }
    if ('close' in step) {
      this.connections.get(step.close)?.destroy();
      this.connections.delete(step.close);
      return null;
    }
    if ('write' in step) {
      this.world.write(step.write, step.text);
      return null;
    }
    return this.awaitLog(step.log);
  }

  private async awaitLog(count: number): Promise<null> {
    const deadline = Date.now() + 5000;
    while (this.world.readLog().length < count && Date.now() < deadline) await sleep(20);
    return null;
  }

  private async exchange(step: SendStep | RawStep): Promise<Tree> {
    const started = Date.now();
    const label = 'send' in step ? step.send : undefined;
    let seen: TreeMap;
    if (step.times === undefined) seen = await this.once(step);
    else seen = await this.repeat(step, step.times);
    if (step.within) seen['took'] = took(Date.now() - started, step.within);
    return label === undefined ? seen : { sent: label, ...seen };
  }

  private async repeat(step: SendStep | RawStep, times: number): Promise<TreeMap> {
    const answers: string[] = new Array(times);
    let next = 0;
    const worker = async () => {
      while (next < times) {
        const index = next++;
        const result = await this.exchangeOnce(step);
        answers[index] = summary(result.responses[0]);
      }
    };
    await Promise.all(Array.from({ length: step.at_once ?? 1 }, worker));
    if (step.share) return { share: shareVerdict(answers, step.share, step.tolerance ?? 5) };
    if (step.as === 'nothing') return { sent_times: times };
    if (step.as === 'codes') return { tally: tally(answers.map((answer) => answer.split(' ')[0] ?? '')) };
    if (step.as === 'tally') return { tally: tally(answers) };
    if (step.as === 'cycle') return { cycle: smallestCycle(answers).join(' | ') };
    return { sequence: answers.join(' | ') };
  }

  private async once(step: SendStep | RawStep): Promise<TreeMap> {
    const before = this.world.arrivals.length;
    const { responses, connection, extra } = await this.exchangeOnce(step);
    const show = step.show ?? this.world.spec.show ?? DEFAULT_SHOW;
    const seen: TreeMap = {};
    if (connection?.tls) seen['tls'] = { ...connection.tls };
    if (connection?.refused && responses.every((response) => response.statusLine === '')) {
      seen['connection'] = connection.refused;
    }
    const shown = responses.map((response) => showResponse(response, show));
    if (shown.length === 1) seen['response'] = shown[0] ?? null;
    else if (shown.length > 1) seen['responses'] = shown;
    Object.assign(seen, extra);
    const arrived = this.world.arrivals.slice(before);
    if (show.includes('upstream')) seen['upstream'] = arrived.map(showArrival);
    else if (show.includes('to') && arrived.length > 0) {
      seen['to'] = arrived.map(
        (arrival) => `${arrival.upstream} ${arrival.startLine.replace(/ HTTP\/1\.1$/, '')}`,
      );
    }
    return seen;
  }

  private async exchangeOnce(
    step: SendStep | RawStep,
  ): Promise<{ responses: Response[]; connection: Connection | null; extra: TreeMap }> {
    const deadline = Date.now() + (step.timeout ?? 5000);
    if ('send' in step && step.http2) {
      const port = this.world.portOf(step.listener ?? 'listener');
      return { responses: [await sendHttp2(port, step, deadline)], connection: null, extra: {} };
    }
    const connection = await this.connect(step);
    const extra: TreeMap = {};
    const responses: Response[] = [];
    try {
      let method = 'GET';
      if ('send' in step) {
        method = step.send.split(' ')[0] ?? 'GET';
        await sendRequest(connection, step);
      } else {
        await sendPieces(connection, [step.raw].flat(), step.pause ?? 20);
      }
      if (step.half_close) connection.halfClose();
      if (step.leave_after !== undefined) {
        await sleep(step.leave_after);
        connection.destroy();
        await sleep(50);
        return { responses, connection, extra };
      }
      if ('raw' in step && (step.until === 'close' || step.until === 'quiet')) {
        const { bytes, end } = await connection.drain(deadline, step.until === 'quiet' ? 150 : null);
        extra['received'] = bodyText(bytes);
        extra['end'] = end;
      } else {
        const methods = 'raw' in step ? rawMethods([step.raw].flat().join('')) : [method];
        const count = 'raw' in step ? Number(step.until ?? 1) : 1;
        for (let i = 0; i < count; i++) responses.push(await connection.read(methods[i] ?? 'GET', deadline));
      }
      if (step.await_close !== undefined)
        extra['end'] = await connection.awaitEnd(Date.now() + step.await_close);
    } finally {
      if (step.on === undefined) connection.destroy();
    }
    return { responses, connection, extra };
  }

  private async connect(step: Exchange): Promise<Connection> {
    const known = step.on === undefined ? undefined : this.connections.get(step.on);
    if (known) return known;
    const port = this.world.portOf(step.listener ?? 'listener');
    const connection = await Connection.open(port, step, this.world.certificates);
    if (step.on !== undefined) this.connections.set(step.on, connection);
    return connection;
  }

  private async admin(step: AdminStep): Promise<Tree> {
    const [method = 'GET', target = '/'] = step.admin.split(' ');
    const deadline = Date.now() + 5000;
    let answer = await fetchAdmin(this.world.portOf('admin'), method, target, step.body);
    while (
      step.when !== undefined &&
      !new RegExp(step.when, 'm').test(answer.body) &&
      Date.now() < deadline
    ) {
      await sleep(50);
      answer = await fetchAdmin(this.world.portOf('admin'), method, target, step.body);
    }
    const show = step.show ?? ['status', 'body'];
    const seen: TreeMap = { admin: step.admin };
    if (show.includes('status')) seen['status'] = answer.status;
    if (show.includes('headers')) {
      seen['headers'] = answer.headers.filter((line) => !/^(date|connection|keep-alive):/i.test(line));
    }
    if (step.pick)
      seen['picked'] = Object.fromEntries(step.pick.map((at) => [at, pick(JSON.parse(answer.body), at)]));
    else if (step.names) seen['names'] = answer.body.split('\n').flatMap((line) => line.split(': ')[0] || []);
    else if (step.lines !== undefined) {
      const wanted = new RegExp(step.lines);
      seen['lines'] = answer.body.split('\n').filter((line) => wanted.test(line));
    } else if (show.includes('body')) seen['body'] = bodyText(Buffer.from(answer.body));
    return seen;
  }

  /** Waits until two readings 120 ms apart agree: a connection's end is counted a little after the client saw it. */
  private async stats(step: StatsStep): Promise<Tree> {
    let before = await this.readStats(step.stats);
    for (let tries = 0; tries < 10; tries++) {
      await sleep(120);
      const now = await this.readStats(step.stats);
      if (JSON.stringify(now) === JSON.stringify(before)) break;
      before = now;
    }
    return { stats: before };
  }

  private async readStats(names: readonly string[]): Promise<TreeMap> {
    const { body } = await fetchAdmin(this.world.portOf('admin'), 'GET', '/stats');
    const values = new Map<string, string>();
    for (const line of body.split('\n')) {
      const at = line.indexOf(': ');
      if (at > 0) values.set(line.slice(0, at), line.slice(at + 2));
    }
    const seen: TreeMap = {};
    for (const template of names) {
      const name = template.replace(/\{\{([\w:-]+)\}\}/g, (_, place) => String(this.world.portOf(place)));
      if (name.startsWith('/')) {
        const wanted = new RegExp(name.slice(1, -1));
        for (const [key, value] of values) if (wanted.test(key)) seen[key] = number(value);
      } else seen[name] = number(values.get(name) ?? 'absent');
    }
    return seen;
  }
}

function number(text: string): Tree {
  return /^\d+$/.test(text) ? Number(text) : text;
}

async function sendRequest(connection: Connection, step: SendStep): Promise<void> {
  const [method = 'GET', ...rest] = step.send.split(' ');
  const headers = headerLines(step.headers);
  const lines = [`${method} ${rest.join(' ')} HTTP/1.1`, `host: ${step.host ?? 'example.test'}`, ...headers];
  let body = step.body ?? '';
  if (step.size !== undefined) body = (body || 'x').repeat(step.size).slice(0, step.size);
  if (step.chunks) lines.push('transfer-encoding: chunked');
  else if (body !== '') lines.push(`content-length: ${Buffer.byteLength(body)}`);
  if (step.fill !== undefined) {
    const rest = step.fill - lines.join('\r\n').length - '\r\nx-filler: \r\n\r\n'.length;
    lines.push(`x-filler: ${'f'.repeat(rest)}`);
  }
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  if (!step.chunks) {
    if (!step.pause || body === '') connection.send(Buffer.concat([head, Buffer.from(body)]));
    else {
      connection.send(head);
      await sleep(step.pause);
      connection.send(Buffer.from(body));
    }
    return;
  }
  const end = lastChunk(headerLines(step.trailers));
  if (!step.pause) {
    connection.send(
      Buffer.concat([head, ...step.chunks.map((piece) => Buffer.from(chunk(piece))), Buffer.from(end)]),
    );
    return;
  }
  connection.send(head);
  for (const piece of step.chunks) {
    await sleep(step.pause);
    connection.send(Buffer.from(chunk(piece)));
  }
  await sleep(step.pause);
  connection.send(end);
}

async function sendPieces(connection: Connection, pieces: readonly string[], pause: number): Promise<void> {
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await sleep(pause);
    connection.send(piece);
  }
}

function rawMethods(raw: string): string[] {
  return [...raw.matchAll(/(?:^|\n)([A-Z]+) +\S+ +HTTP/g)].map((match) => match[1] ?? 'GET');
}

function showResponse(response: Response, show: readonly Show[]): Tree {
  const seen: TreeMap = {};
  if (response.interim.length > 0) seen['interim'] = response.interim;
  if (response.statusLine === '') return { ...seen, none: response.end };
  if (show.includes('status')) seen['status'] = response.statusLine;
  if (show.includes('headers')) seen['headers'] = response.lines;
  if (show.includes('body')) seen['body'] = bodyText(response.body.bytes);
  if (response.body.trailers.length > 0) seen['trailers'] = response.body.trailers;
  if (response.end !== '') seen['cut'] = response.end;
  return seen;
}

function showArrival(arrival: Arrival): Tree {
  const seen: TreeMap = { at: arrival.upstream, request: arrival.startLine, headers: arrival.lines };
  if (arrival.body.bytes.length > 0) seen['body'] = bodyText(arrival.body.bytes);
  if (arrival.body.trailers.length > 0) seen['trailers'] = arrival.body.trailers;
  if (!arrival.body.complete) seen['body_complete'] = false;
  return seen;
}

/** Bytes as text, long ones as their length and the beginning. */
function bodyText(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  const exact = text.includes('\ufffd') ? bytes.toString('latin1') : text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control bytes are what it looks for.
  if (/[\x00-\x08\x0e-\x1f\x7f-\x9f]/.test(exact)) return `hex ${bytes.subarray(0, 300).toString('hex')}`;
  if (bytes.length <= BODY_LIMIT) return exact;
  return `${exact.slice(0, 40)}… (${bytes.length} bytes)`;
}

/** `200 a1`: the code and who served it. */
function summary(response: Response | undefined): string {
  if (!response || response.statusLine === '') return `none (${response?.end ?? 'gone'})`;
  const code = response.statusLine.split(' ')[1] ?? '';
  const by = headerValue(response.lines, 'x-upstream');
  return by === undefined ? code : `${code} ${by}`;
}

function tally(answers: readonly string[]): TreeMap {
  const counts = new Map<string, number>();
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function shareVerdict(answers: readonly string[], shares: Record<string, number>, tolerance: number): Tree {
  const counts = tally(answers);
  const close = (key: string, wanted: number) =>
    Math.abs((Number(counts[key] ?? 0) / answers.length) * 100 - wanted) <= tolerance;
  const strangers = Object.keys(counts).filter((key) => !(key in shares));
  const stated =
    strangers.length === 0 && Object.entries(shares).every(([key, wanted]) => close(key, wanted));
  return stated ? 'as stated' : { instead: counts };
}

/** The shortest period of a sequence, turned so that it starts at its smallest arrangement. */
export function smallestCycle(answers: readonly string[]): readonly string[] {
  let period = 1;
  while (period < answers.length && !answers.every((a, i) => i < period || a === answers[i - period]))
    period++;
  const cycle = answers.slice(0, period);
  let best = cycle;
  for (let turn = 1; turn < period; turn++) {
    const turned = [...cycle.slice(turn), ...cycle.slice(0, turn)];
    if (turned.join('\n') < best.join('\n')) best = turned;
  }
  return best;
}

function took(milliseconds: number, [least, most]: [number, number]): string {
  const stated = milliseconds >= least && milliseconds <= most;
  return `${stated ? '' : `${milliseconds} ms, not `}${least} to ${most} ms`;
}

/** `a.*.b`: the element at a dotted path; `*` stands for each element of a list. */
function pick(value: unknown, at: string): Tree {
  let found: unknown[] = [value];
  let many = false;
  for (const key of at.split('.')) {
    many ||= key === '*';
    found = found.flatMap((node) => {
      if (node === null || typeof node !== 'object') return [];
      if (key === '*') return Object.values(node);
      return key in node ? [(node as Record<string, unknown>)[key]] : [];
    });
  }
  return sortedKeys((many ? found : (found[0] ?? 'absent')) as Tree);
}

/** Envoy's JSON has its keys in any order. */
function sortedKeys(value: Tree): Tree {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (value === null || typeof value !== 'object') return value;
  const sorted = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([key, element]) => [key, sortedKeys(element)]));
}

interface AdminAnswer {
  status: string;
  headers: string[];
  body: string;
}

function fetchAdmin(port: number, method: string, target: string, body = ''): Promise<AdminAnswer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { port, host: '127.0.0.1', path: target, method, agent: false, timeout: 5000 },
      (answer) => {
        const pieces: Buffer[] = [];
        answer.on('data', (piece: Buffer) => pieces.push(piece));
        answer.on('error', reject);
        answer.on('end', () => {
          const headers: string[] = [];
          for (let i = 0; i + 1 < answer.rawHeaders.length; i += 2) {
            headers.push(`${answer.rawHeaders[i]}: ${answer.rawHeaders[i + 1]}`);
          }
          resolve({
            status: `${answer.statusCode ?? 0} ${answer.statusMessage ?? ''}`,
            headers,
            body: Buffer.concat(pieces).toString(),
          });
        });
      },
    );
    asked.on('error', reject);
    asked.on('timeout', () => asked.destroy(new Error('the admin interface did not answer in 5 s')));
    asked.end(body);
  });
}
