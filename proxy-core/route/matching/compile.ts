import { ipRange } from '../../base/ip-range.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import { compileStringMatcher } from '../string-matcher.ts';
import type { MapLookup, MatchInput, MatchTree, OnMatch, Predicate, ValueTest } from './types.ts';

/** What a tree may ask about and decide on; it differs from place to place. */
export interface MatchVocabulary<C, A> {
  /** Input of a type, or null when it makes no sense here. */
  input(config: MessageReader, ctx: CompileContext): MatchInput<C> | null;
  /** What Envoy says of an input that makes none. */
  inputRefusal(type: string, name: string): string;
  /** Action of a type, or null when it makes no sense here. */
  action(config: MessageReader, name: string, ctx: CompileContext): A | null;
}

const NOWHERE_TO_GO = { branches: null, onNoMatch: null };

/** Compiles an `xds.type.matcher.v3.Matcher`. */
export function compileMatchTree<C, A>(
  reader: MessageReader,
  vocabulary: MatchVocabulary<C, A>,
  ctx: CompileContext,
): MatchTree<C, A> {
  const compiler = new TreeCompiler(vocabulary, ctx);
  return compiler.tree(reader);
}

class TreeCompiler<C, A> {
  constructor(
    private readonly vocabulary: MatchVocabulary<C, A>,
    private readonly ctx: CompileContext,
  ) {}

  tree(reader: MessageReader): MatchTree<C, A> {
    const none = reader.message('on_no_match');
    const onNoMatch = none === undefined ? null : this.onMatch(none);
    const list = reader.message('matcher_list');
    if (list !== undefined) {
      const matchers = list.messages('matchers').flatMap((one) => {
        const predicate = one.message('predicate');
        const onMatch = this.onMatch(one.message('on_match'));
        if (predicate === undefined || onMatch === null) return [];
        return [{ predicate: this.predicate(predicate), onMatch, source: one.range }];
      });
      return { branches: { kind: 'list', matchers }, onNoMatch };
    }
    const map = reader.message('matcher_tree');
    if (map === undefined) return { ...NOWHERE_TO_GO, onNoMatch };
    const input = this.input(map);
    const lookup = this.lookup(map);
    if (input === null || lookup === null) return { branches: null, onNoMatch };
    return { branches: { kind: 'map', input, lookup }, onNoMatch };
  }

  private onMatch(reader: MessageReader | undefined): OnMatch<C, A> | null {
    if (reader === undefined) return null;
    const below = reader.message('matcher');
    if (below !== undefined) return { kind: 'tree', tree: this.tree(below) };
    const action = reader.message('action');
    const config = action?.message('typed_config');
    if (action === undefined || config === undefined) return null;
    const name = action.string('name') ?? '';
    const compiled = this.vocabulary.action(config, name, this.ctx);
    if (compiled === null) {
      this.refuse(action, `An action of type ${config.type} cannot be used here.`);
      return null;
    }
    return { kind: 'action', action: compiled, name, source: reader.range };
  }

  private predicate(reader: MessageReader): Predicate<C> {
    const single = reader.message('single_predicate');
    if (single !== undefined) {
      const input = this.input(single);
      return { kind: 'single', input: input ?? NO_INPUT, test: this.test(single) };
    }
    for (const kind of ['and', 'or'] as const) {
      const list = reader.message(`${kind}_matcher`);
      if (list !== undefined)
        return { kind, of: list.messages('predicate').map((one) => this.predicate(one)) };
    }
    const not = reader.message('not_matcher');
    return not === undefined
      ? { kind: 'single', input: NO_INPUT, test: { kind: 'never' } }
      : { kind: 'not', of: this.predicate(not) };
  }

  private input(reader: MessageReader): MatchInput<C> | null {
    const extension = reader.message('input');
    const name = extension?.string('name') ?? '';
    const config = extension?.message('typed_config');
    if (extension === undefined || config === undefined) return null;
    const input = this.vocabulary.input(config, this.ctx);
    if (input === null) this.refuse(extension, this.vocabulary.inputRefusal(config.type, name));
    return input;
  }

  private test(reader: MessageReader): ValueTest {
    const value = reader.message('value_match');
    if (value !== undefined) return { kind: 'string', matcher: compileStringMatcher(value, this.ctx) };
    const custom = reader.message('custom_match');
    custom?.acknowledge('name');
    const config = custom?.message('typed_config');
    if (custom === undefined || config === undefined) return { kind: 'never' };
    if (config.type === 'envoy.extensions.matching.input_matchers.ip.v3.Ip') {
      config.acknowledge('stat_prefix');
      return { kind: 'ip', ranges: config.messages('cidr_ranges').map((one) => compileIpRange(one)) };
    }
    this.refuse(custom, `The matcher ${config.type} is not emulated.`);
    return { kind: 'never' };
  }

  private lookup(reader: MessageReader): MapLookup<C, A> | null {
    const exact = reader.message('exact_match_map');
    if (exact !== undefined) return { kind: 'exact', entries: new Map(this.entries(exact)) };
    const prefix = reader.message('prefix_match_map');
    if (prefix !== undefined) {
      const entries = this.entries(prefix).sort(([a], [b]) => b.length - a.length);
      return { kind: 'prefix', entries };
    }
    const custom = reader.message('custom_match');
    custom?.acknowledge('name');
    const config = custom?.message('typed_config');
    if (custom === undefined || config === undefined) return null;
    if (config.type === 'xds.type.matcher.v3.IPMatcher') {
      const ranges = config.messages('range_matchers').flatMap((one) => {
        one.acknowledge('exclusive');
        const onMatch = this.onMatch(one.message('on_match'));
        if (onMatch === null) return [];
        return one.messages('ranges').map((range) => ({ range: compileIpRange(range), onMatch }));
      });
      return { kind: 'ip', ranges };
    }
    this.refuse(custom, `The matcher ${config.type} is not emulated.`);
    return null;
  }

  private entries(reader: MessageReader): [string, OnMatch<C, A>][] {
    return [...reader.messageMap('map')].flatMap(([key, one]) => {
      const onMatch = this.onMatch(one);
      return onMatch === null ? [] : [[key, onMatch] satisfies [string, OnMatch<C, A>]];
    });
  }

  private refuse(reader: MessageReader, message: string): void {
    this.ctx.report('error', 'matcher.not-emulated', reader, 'typed_config', message);
  }
}

function compileIpRange(reader: MessageReader) {
  return ipRange(reader.string('address_prefix') ?? '', reader.number('prefix_len') ?? 0);
}

const NO_INPUT: MatchInput<unknown> = { text: 'nothing', read: () => undefined };
