import type { HeaderList } from '../../../base/headers.ts';
import { lua } from '../../../lua/fengari.ts';
import { LuaError, LuaThread } from '../../../lua/machine.ts';
import { pushObject, type Scope } from '../../../lua/object.ts';
import { luaFail, pushValue } from '../../../lua/values.ts';
import type { AsyncCall } from '../../async-client/client.ts';
import type { BodyStatus, FilterCallbacks, HeadStatus, TrailersStatus } from '../../filter.ts';
import { LUA_BODY, type LuaBody } from './body-object.ts';
import { LUA_HANDLE } from './handle-methods.ts';
import { LUA_HEADERS, type LuaHeaders, trailerHeaders } from './headers-object.ts';
import type { LuaScript } from './script.ts';

/** Where a running script waits. */
type WaitingFor = 'nothing' | 'chunk' | 'body' | 'trailers' | 'call' | 'answered';

/** The two directions of a stream, as the handle needs them. */
export interface Direction {
  readonly isRequest: boolean;
  kept(): Uint8Array;
  replace(bytes: Uint8Array): void;
  inject(bytes: Uint8Array, endStream: boolean): void;
  letGo(): void;
}

const EMPTY = new Uint8Array(0);

/**
 * One run of `envoy_on_request` or `envoy_on_response`: a coroutine that is stopped where it waits for the body, the
 * trailers or an answer, and goes on when that is there (envoy StreamHandleWrapper).
 */
export class StreamHandle {
  readonly scope: Scope = { alive: true };
  private readonly thread: LuaThread;
  private waiting: WaitingFor = 'nothing';
  private ended: boolean;
  private sawBody = false;
  private bufferedBody = false;
  private alwaysWrap = false;
  private headContinued = false;
  private trailers: HeaderList | null = null;
  /** The whole body, once it is there and the script has asked for it. */
  private body: LuaBody | null = null;
  /** The body does not wait in the pipe any more, but here. */
  private ownsBody = false;
  private call: AsyncCall | null = null;
  /** Set while the script runs: what it asks for may be there before it stops. */
  private running = false;

  constructor(
    script: LuaScript,
    private readonly reference: number,
    readonly headers: LuaHeaders,
    endStream: boolean,
    readonly callbacks: FilterCallbacks,
    readonly direction: Direction,
    readonly name: string,
    private readonly onError: (message: string) => void,
  ) {
    this.thread = new LuaThread(script.machine);
    this.ended = endStream;
  }

  /** Headers may be changed until they are sent on. */
  get mayChangeHeaders(): boolean {
    return !this.headContinued;
  }

  start(): HeadStatus {
    this.run(() =>
      this.thread.start(this.reference, (L) => {
        pushObject(L, LUA_HANDLE, this, this.scope);
        return 1;
      }),
    );
    if (this.waiting === 'body' || this.waiting === 'call' || this.waiting === 'answered') return 'stop';
    this.headContinued = true;
    return 'continue';
  }

  onBody(bytes: Uint8Array, start: number, end: number, endStream: boolean): BodyStatus {
    this.ended = endStream;
    this.sawBody = true;
    if (this.waiting === 'chunk') return this.onChunk(bytes.subarray(start, end), endStream);
    if (this.waiting === 'body' && endStream) {
      const whole = Buffer.concat([this.direction.kept(), bytes.subarray(start, end)]);
      this.direction.replace(EMPTY);
      this.ownsBody = true;
      this.body = { bytes: whole, changed: false };
      this.resume((L) => this.pushBody(L));
      if (this.isWaiting('nothing')) this.sendOwnBody();
      return 'drop';
    }
    if (this.waiting === 'trailers' && endStream) this.resume(() => 0);
    return this.bodyStatus();
  }

  private bodyStatus(): BodyStatus {
    switch (this.waiting) {
      case 'call':
        return 'watermark';
      case 'body':
        return 'buffer';
      case 'answered':
        return 'drop';
      case 'chunk':
      case 'trailers':
      case 'nothing':
        this.headContinued = true;
        return 'continue';
    }
  }

  private onChunk(bytes: Uint8Array, endStream: boolean): BodyStatus {
    const chunk: LuaBody = { bytes, changed: false };
    const scope: Scope = { alive: true };
    this.resume((L) => {
      pushObject(L, LUA_BODY, chunk, scope);
      return 1;
    });
    scope.alive = false;
    if (this.waiting === 'call') return 'watermark';
    if (this.waiting === 'answered') return 'drop';
    if (!chunk.changed) return 'continue';
    this.direction.inject(chunk.bytes, endStream);
    return 'drop';
  }

  onTrailers(trailers: HeaderList): TrailersStatus {
    this.ended = true;
    this.trailers = trailers;
    if (this.waiting === 'chunk') this.resume(() => 0);
    else if (this.waiting === 'body') {
      this.body = { bytes: Uint8Array.from(this.direction.kept()), changed: false };
      this.resume((L) => this.pushBody(L));
      if (this.body.changed) this.direction.replace(this.body.bytes);
    } else if (this.waiting === 'trailers') this.resume((L) => this.pushTrailers(L));
    return this.waiting === 'call' || this.waiting === 'answered' ? 'stop' : 'continue';
  }

  /** Asked anew after each step of the script. */
  private isWaiting(...what: readonly WaitingFor[]): boolean {
    return what.includes(this.waiting);
  }

  /** `handle:body()`. */
  askBody(L: FengariState, alwaysWrap: boolean): number {
    this.alwaysWrap = alwaysWrap;
    if (this.ended) {
      if (!this.bufferedBody && this.sawBody) luaFail(L, 'cannot call body() after body has been streamed');
      return this.pushBody(L);
    }
    if (this.sawBody) luaFail(L, 'cannot call body() after body streaming has started');
    this.bufferedBody = true;
    return this.pause(L, 'body');
  }

  /** One step of `handle:bodyChunks()`. */
  askChunk(L: FengariState): number {
    if (this.bufferedBody) luaFail(L, 'cannot call bodyChunks after body processing has begun');
    if (this.ended) {
      lua.lua_pushnil(L);
      return 1;
    }
    return this.pause(L, 'chunk');
  }

  /** `handle:trailers()`. */
  askTrailers(L: FengariState): number {
    if (this.trailers !== null) return this.pushTrailers(L);
    return this.ended ? 0 : this.pause(L, 'trailers');
  }

  /** Stops the script until `answerCall`. */
  awaitCall(
    L: FengariState,
    begin: (done: (headers: unknown, body: Uint8Array) => void) => AsyncCall,
  ): number {
    let early: { headers: unknown; body: Uint8Array } | null = null;
    this.waiting = 'call';
    this.call = begin((headers, body) => {
      this.call = null;
      if (this.running) early = { headers, body };
      else this.answerCall(headers, body);
    });
    if (early !== null) {
      this.waiting = 'nothing';
      const { headers, body } = early as { headers: unknown; body: Uint8Array };
      return pushAnswer(L, headers, body);
    }
    return this.pause(L, 'call');
  }

  /** The script gave an answer of its own: it does not go on. */
  answer(L: FengariState): number {
    return this.pause(L, 'answered');
  }

  private answerCall(headers: unknown, body: Uint8Array): void {
    this.resume((L) => pushAnswer(L, headers, body));
    if (this.waiting !== 'nothing' && this.waiting !== 'chunk' && this.waiting !== 'trailers') return;
    this.headContinued = true;
    if (this.ownsBody) this.sendOwnBody();
    else this.direction.letGo();
  }

  private sendOwnBody(): void {
    this.headContinued = true;
    this.ownsBody = false;
    this.direction.inject(this.body?.bytes ?? EMPTY, true);
  }

  destroy(): void {
    this.scope.alive = false;
    this.call?.cancel();
    this.call = null;
  }

  private pushBody(L: FengariState): number {
    if (this.body === null && !this.alwaysWrap) return 0;
    if (this.body?.bytes.length === 0 && !this.alwaysWrap) return 0;
    this.body ??= { bytes: EMPTY, changed: false };
    pushObject(L, LUA_BODY, this.body, this.scope);
    return 1;
  }

  private pushTrailers(L: FengariState): number {
    if (this.trailers === null) return 0;
    pushObject(L, LUA_HEADERS, trailerHeaders(this.trailers), this.scope);
    return 1;
  }

  private pause(L: FengariState, waiting: WaitingFor): number {
    this.waiting = waiting;
    return lua.lua_yield(L, 0);
  }

  private resume(push: (L: FengariState) => number): void {
    this.waiting = 'nothing';
    this.run(() => this.thread.resume(push(this.thread.state)));
  }

  /** An error ends the script, not the stream. */
  private run(step: () => 'finished' | 'yielded'): void {
    this.running = true;
    try {
      if (step() === 'finished') {
        this.scope.alive = this.waiting === 'answered';
        this.waiting = this.waiting === 'answered' ? 'answered' : 'nothing';
      } else if (this.waiting === 'nothing') throw new LuaError('script performed an unexpected yield');
    } catch (error) {
      if (!(error instanceof LuaError)) throw error;
      this.scope.alive = false;
      this.waiting = 'nothing';
      this.onError(error.message);
    } finally {
      this.running = false;
    }
  }
}

function pushAnswer(L: FengariState, headers: unknown, body: Uint8Array): number {
  pushValue(L, headers);
  if (body.length === 0) lua.lua_pushnil(L);
  else lua.lua_pushstring(L, body);
  return 2;
}
