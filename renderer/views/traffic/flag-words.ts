/** What Envoy's response flags mean, in a few words each (access log reference, `%RESPONSE_FLAGS%`). */
const WORDS: Readonly<Record<string, string>> = {
  LH: 'local health check failed',
  UH: 'no healthy upstream host',
  UT: 'upstream took longer than the timeout',
  LR: 'connection was reset by the proxy',
  UR: 'upstream reset the stream',
  UF: 'upstream could not be connected to',
  UC: 'upstream ended the connection',
  UO: 'a circuit breaker was open',
  NR: 'no route or filter chain matched',
  DI: 'a fault delayed it',
  FI: 'a fault answered it',
  RL: 'rate limited',
  UAEX: 'denied by external authorization',
  RLSE: 'the rate limit service did not answer',
  DC: 'the client ended the connection',
  URX: 'retries or connect attempts are used up',
  SI: 'idle for longer than the timeout',
  IH: 'a header was refused as invalid',
  DPE: 'the client broke the protocol',
  UMSDR: 'longer than the longest stream duration',
  RFCF: 'a filter’s configuration has not come',
  NFCF: 'a network filter’s configuration has not come',
  DT: 'longer than the longest duration',
  UPE: 'upstream broke the protocol',
  NC: 'there is no such cluster',
  OM: 'too much memory was in use',
  DF: 'the name could not be resolved',
  DO: 'dropped for overload',
  UDO: 'upstream is overloaded',
  DR: 'the client reset the stream',
};

/** `UF,URX` → what each means; flags without words are left out. */
export function flagWords(flags: string): string[] {
  return flags.split(',').flatMap((flag) => WORDS[flag.trim()] ?? []);
}
